package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.Extended;
import dev.godwit.cpu.soft.fpu.X87Conditions;

/**
 * FADD, FMUL, FSUB(R), FDIV(R) and comparisons, in all their forms. Operations are numbered as in
 * ModRM.reg.
 */
final class X87Arithmetic {
  private static final int COM = 2;
  private static final int COMP = 3;

  private X87Arithmetic() {}

  /** ST(0) op= memory, which {@link X87#math} holds widened. */
  static void withMemory(X87 f, int operation) {
    int se = f.math.signExponent;
    long sig = f.math.significand;
    boolean compare = operation == COM || operation == COMP;
    if (f.isEmpty(0)) {
      f.math.dropSource();
      if (!compare) {
        indefinite(f, 0, false);
      } else if (unordered(f) && operation == COMP) {
        f.pop();
      }
    } else if (compare) {
      f.math.compare(f.se(0), f.sig(0), se, sig, true);
      finishCompare(f, operation == COMP ? 1 : 0);
    } else {
      compute(f, operation, 0, se, sig, false);
    }
  }

  /** D8: ST(0) op= ST(i). */
  static void toTop(X87 f, int operation, int i) {
    if (operation == COM || operation == COMP) {
      compare(f, i, true, operation == COMP ? 1 : 0);
    } else if (underflow(f, 0, i)) {
      indefinite(f, 0, false);
    } else {
      compute(f, operation, 0, f.se(i), f.sig(i), false);
    }
  }

  /** DC and DE: ST(i) op= ST(0), and pop. The reversed forms have their opcodes exchanged. */
  static void toRegister(X87 f, int operation, int i, boolean pop) {
    if (operation == COM || operation == COMP) {
      compare(f, i, true, operation == COMP ? 1 : 0);
    } else if (underflow(f, 0, i)) {
      indefinite(f, i, pop);
    } else {
      compute(f, operation >= 4 ? operation ^ 1 : operation, i, f.se(0), f.sig(0), pop);
    }
  }

  private static void compute(X87 f, int operation, int to, int se, long sig, boolean pop) {
    Extended math = f.math;
    int toSe = f.se(to);
    long toSig = f.sig(to);
    switch (operation) {
      case 0 -> math.add(toSe, toSig, se, sig);
      case 1 -> math.multiply(toSe, toSig, se, sig);
      case 4 -> math.subtract(toSe, toSig, se, sig);
      case 5 -> math.subtract(se, sig, toSe, toSig);
      case 6 -> math.divide(toSe, toSig, se, sig);
      default -> math.divide(se, sig, toSe, toSig);
    }
    if (f.accept()) {
      f.set(to, math.signExponent, math.significand);
      if (pop) {
        f.pop();
      }
    }
  }

  /** Tells whether one of two registers is empty. */
  static boolean underflow(X87 f, int i, int j) {
    return f.isEmpty(i) || f.isEmpty(j);
  }

  /** Answers a stack underflow: the indefinite value if that is masked. */
  static void indefinite(X87 f, int to, boolean pop) {
    if (f.stackFault(false)) {
      f.set(to, Extended.INDEFINITE_SIGN_EXPONENT, Extended.INDEFINITE_SIGNIFICAND);
      if (pop) {
        f.pop();
      }
    }
  }

  /** Answers a stack underflow in a comparison; tells whether it is masked. */
  private static boolean unordered(X87 f) {
    boolean masked = f.stackFault(false);
    f.setConditions(X87Conditions.UNORDERED);
    return masked;
  }

  /** FCOM (signals quiet NaNs) and FUCOM of ST(0) with ST(i), and {@code pops} pops. */
  static void compare(X87 f, int i, boolean signalQuiet, int pops) {
    if (underflow(f, 0, i)) {
      if (unordered(f)) {
        pop(f, pops);
      }
      return;
    }
    f.math.compare(f.se(0), f.sig(0), f.se(i), f.sig(i), signalQuiet);
    finishCompare(f, pops);
  }

  private static void finishCompare(X87 f, int pops) {
    boolean done = f.accept();
    f.setConditions(f.math.conditions);
    if (done) {
      pop(f, pops);
    }
  }

  private static void pop(X87 f, int pops) {
    for (int i = 0; i < pops; i++) {
      f.pop();
    }
  }

  /** FCOMI and FUCOMI: the result goes to ZF, PF and CF. */
  static void compareToFlags(SoftCpu c, X87 f, int i, boolean signalQuiet, boolean pop) {
    int conditions;
    boolean done;
    if (underflow(f, 0, i)) {
      done = f.stackFault(false);
      conditions = X87Conditions.UNORDERED;
    } else {
      f.math.compare(f.se(0), f.sig(0), f.se(i), f.sig(i), signalQuiet);
      done = f.accept();
      conditions = f.math.conditions;
    }
    // C3, C2, C0 lie eight bits above ZF, PF, CF; they are set even if the exception is unmasked.
    c.setArithmeticFlags(conditions >> 8);
    if (done && pop) {
      f.pop();
    }
  }
}
