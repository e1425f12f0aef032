package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.X87Insn.Action;
import dev.godwit.cpu.soft.fpu.Extended;
import dev.godwit.cpu.soft.fpu.FloatFlags;
import dev.godwit.cpu.soft.fpu.X87Conditions;
import org.jspecify.annotations.Nullable;

/** D9 E0–FF: sign changes, examination, constants, and the functions of one or two operands. */
final class X87Functions {
  /**
   * FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2: sign and exponent, the significand rounded down,
   * and whether the exact value is nearer to the next one (SDM vol. 1 8.3.8: constants are rounded
   * as RC says).
   */
  private static final int[] CONSTANT_EXPONENTS = {0x3FFF, 0x4000, 0x3FFF, 0x4000, 0x3FFD, 0x3FFE};

  private static final long[] CONSTANT_SIGNIFICANDS = {
    0x8000_0000_0000_0000L,
    0xD49A_784B_CD1B_8AFEL,
    0xB8AA_3B29_5C17_F0BBL,
    0xC90F_DAA2_2168_C234L,
    0x9A20_9A84_FBCF_F798L,
    0xB172_17F7_D1CF_79ABL
  };

  /** What rounding to nearest and rounding up add; the first is exact, the others are not. */
  private static final int[] CONSTANT_NEAREST = {0, 0, 1, 1, 1, 1};

  private X87Functions() {}

  /** Returns what D9 with that ModRM does (its low six bits, from 20h), or null. */
  static @Nullable Action action(int which) {
    return switch (which) {
      case 0x20 -> (c, f) -> changeSign(f, true);
      case 0x21 -> (c, f) -> changeSign(f, false);
      case 0x24 -> (c, f) -> test(f);
      case 0x25 -> (c, f) -> examine(f);
      case 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x2D -> (c, f) -> constant(f, which - 0x28);
      case 0x2E -> (c, f) -> zero(f);
      case 0x30 -> (c, f) -> unary(f, () -> f.functions.exp2Minus1(f.se(0), f.sig(0)));
      case 0x31 ->
          (c, f) -> binaryPop(f, () -> f.functions.yLog2X(f.se(0), f.sig(0), f.se(1), f.sig(1)));
      case 0x32 -> (c, f) -> tangent(f);
      case 0x33 ->
          (c, f) -> binaryPop(f, () -> f.functions.arctan2(f.se(1), f.sig(1), f.se(0), f.sig(0)));
      case 0x34 -> (c, f) -> extract(f);
      case 0x35 -> (c, f) -> remainder(f, true);
      case 0x36 -> (c, f) -> rotate(f, -1);
      case 0x37 -> (c, f) -> rotate(f, 1);
      case 0x38 -> (c, f) -> remainder(f, false);
      case 0x39 ->
          (c, f) ->
              binaryPop(f, () -> f.functions.yLog2XPlus1(f.se(0), f.sig(0), f.se(1), f.sig(1)));
      case 0x3A -> (c, f) -> unary(f, () -> f.math.sqrt(f.se(0), f.sig(0)));
      case 0x3B -> (c, f) -> sineAndCosine(f);
      case 0x3C -> (c, f) -> unary(f, () -> f.math.roundToIntegral(f.se(0), f.sig(0)));
      case 0x3D -> (c, f) -> scale(f);
      case 0x3E -> (c, f) -> trigonometric(f, () -> f.functions.sin(f.se(0), f.sig(0)));
      case 0x3F -> (c, f) -> trigonometric(f, () -> f.functions.cos(f.se(0), f.sig(0)));
      default -> null;
    };
  }

  private static void rotate(X87 f, int by) {
    f.setC1(false);
    f.rotate(by);
  }

  /** FCHS and FABS: of any bits, NaNs too. */
  private static void changeSign(X87 f, boolean negate) {
    if (f.isEmpty(0)) {
      X87Arithmetic.indefinite(f, 0, false);
      return;
    }
    f.setC1(false);
    f.set(0, negate ? f.se(0) ^ 0x8000 : f.se(0) & 0x7FFF, f.sig(0));
  }

  /** FTST. */
  private static void test(X87 f) {
    if (f.isEmpty(0)) {
      f.stackFault(false);
      f.setConditions(X87Conditions.UNORDERED);
      return;
    }
    f.math.compare(f.se(0), f.sig(0), 0, 0, true);
    f.accept();
    f.setConditions(f.math.conditions);
  }

  /** FXAM: class in C3, C2, C0 and sign in C1, of empty registers too. */
  private static void examine(X87 f) {
    int se = f.se(0);
    long sig = f.sig(0);
    int biased = se & 0x7FFF;
    int conditions;
    if (f.isEmpty(0)) {
      conditions = X87Conditions.C3 | X87Conditions.C0;
    } else if (biased == 0) {
      conditions = sig == 0 ? X87Conditions.C3 : X87Conditions.C3 | X87Conditions.C2;
    } else if (sig >= 0) {
      conditions = 0;
    } else if (biased == 0x7FFF) {
      conditions = sig == Long.MIN_VALUE ? X87Conditions.C2 | X87Conditions.C0 : X87Conditions.C0;
    } else {
      conditions = X87Conditions.C2;
    }
    f.setConditions(conditions);
    f.setC1((se & 0x8000) != 0);
  }

  private static void constant(X87 f, int which) {
    if (X87Moves.overflow(f)) {
      return;
    }
    int rounding = f.control() >> 10 & 3;
    int nudge =
        switch (rounding) {
          case FloatFlags.NEAREST -> CONSTANT_NEAREST[which];
          case FloatFlags.UP -> which == 0 ? 0 : 1;
          default -> 0;
        };
    f.setC1(false);
    f.push(CONSTANT_EXPONENTS[which], CONSTANT_SIGNIFICANDS[which] + nudge);
  }

  private static void zero(X87 f) {
    if (!X87Moves.overflow(f)) {
      f.setC1(false);
      f.push(0, 0);
    }
  }

  /** ST(0) = function of ST(0). */
  private static void unary(X87 f, Runnable operation) {
    if (f.isEmpty(0)) {
      X87Arithmetic.indefinite(f, 0, false);
      return;
    }
    operation.run();
    storeTop(f);
  }

  private static boolean storeTop(X87 f) {
    boolean store = f.accept();
    if (store) {
      f.set(0, f.math.signExponent, f.math.significand);
    }
    return store;
  }

  /** ST(1) = function of ST(0) and ST(1), pop. */
  private static void binaryPop(X87 f, Runnable operation) {
    if (X87Arithmetic.underflow(f, 0, 1)) {
      X87Arithmetic.indefinite(f, 1, true);
      return;
    }
    operation.run();
    if (f.accept()) {
      f.set(1, f.math.signExponent, f.math.significand);
      f.pop();
    }
  }

  private static void scale(X87 f) {
    if (X87Arithmetic.underflow(f, 0, 1)) {
      X87Arithmetic.indefinite(f, 0, false);
      return;
    }
    f.math.scale(f.se(0), f.sig(0), f.se(1), f.sig(1));
    storeTop(f);
  }

  private static void remainder(X87 f, boolean nearest) {
    f.setConditions(withoutC2(f));
    if (X87Arithmetic.underflow(f, 0, 1)) {
      X87Arithmetic.indefinite(f, 0, false);
      return;
    }
    f.math.remainder(f.se(0), f.sig(0), f.se(1), f.sig(1), nearest);
    if (storeTop(f)) {
      if (!Extended.isNan(f.se(0), f.sig(0))) {
        f.setConditions(f.math.conditions);
      }
    }
  }

  private static int withoutC2(X87 f) {
    return f.status() & (X87Conditions.C0 | X87Conditions.C3);
  }

  /** FXTRACT: the exponent to ST(0), the significand on top of it. */
  private static void extract(X87 f) {
    if (f.isEmpty(0) || !f.isEmpty(7)) {
      twoIndefinite(f);
      return;
    }
    int se = f.se(0);
    long sig = f.sig(0);
    f.math.extractExponent(se, sig);
    if (!f.accept()) {
      return;
    }
    f.set(0, f.math.signExponent, f.math.significand);
    f.math.extractSignificand(se, sig);
    f.push(f.math.signExponent, f.math.significand);
  }

  /** Answers a stack fault of an instruction with two results: both are indefinite. */
  private static void twoIndefinite(X87 f) {
    if (f.stackFault(!f.isEmpty(0))) {
      f.set(0, Extended.INDEFINITE_SIGN_EXPONENT, Extended.INDEFINITE_SIGNIFICAND);
      f.push(Extended.INDEFINITE_SIGN_EXPONENT, Extended.INDEFINITE_SIGNIFICAND);
    }
  }

  /** FSIN and FCOS: C2 tells that the operand is out of range and was left alone. */
  private static void trigonometric(X87 f, Runnable operation) {
    if (f.isEmpty(0)) {
      X87Arithmetic.indefinite(f, 0, false);
      return;
    }
    operation.run();
    if (storeTop(f)) {
      setOutOfRange(f);
    }
  }

  private static boolean setOutOfRange(X87 f) {
    boolean out = (f.math.conditions & X87Conditions.C2) != 0;
    f.setConditions(withoutC2(f) | (out ? X87Conditions.C2 : 0));
    return out;
  }

  private static void tangent(X87 f) {
    if (f.isEmpty(0) || !f.isEmpty(7)) {
      twoIndefinite(f);
      return;
    }
    f.functions.tan(f.se(0), f.sig(0));
    if (!storeTop(f) || setOutOfRange(f)) {
      return;
    }
    boolean nan = Extended.isNan(f.se(0), f.sig(0));
    f.push(nan ? f.se(0) : 0x3FFF, nan ? f.sig(0) : Long.MIN_VALUE);
  }

  private static void sineAndCosine(X87 f) {
    if (f.isEmpty(0) || !f.isEmpty(7)) {
      twoIndefinite(f);
      return;
    }
    f.functions.sinCos(f.se(0), f.sig(0));
    if (storeTop(f) && !setOutOfRange(f)) {
      f.push(f.functions.cosSignExponent, f.functions.cosSignificand);
    }
  }
}
