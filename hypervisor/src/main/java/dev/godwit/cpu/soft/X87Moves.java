package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.Extended;
import dev.godwit.cpu.soft.fpu.FloatFlags;

/**
 * x87 loads, stores, exchanges. Stores write memory before they change the status or pop, so that a
 * page fault leaves nothing changed.
 */
final class X87Moves {
  private static final long BCD_INDEFINITE_LOW = 0xC000_0000_0000_0000L;
  private static final int BCD_INDEFINITE_HIGH = 0xFFFF;

  private X87Moves() {}

  // --- loads ------------------------------------------------------------------------------------

  /** Tells whether there is no room for a push; the stack overflow is taken care of. */
  static boolean overflow(X87 f) {
    if (f.isEmpty(7)) {
      return false;
    }
    if (f.stackFault(true)) {
      f.push(Extended.INDEFINITE_SIGN_EXPONENT, Extended.INDEFINITE_SIGNIFICAND);
    }
    return true;
  }

  private static void pushResult(X87 f) {
    // An unmasked denormal does not keep a load from happening; only an invalid operand does.
    f.accept();
    if ((f.math.flags & ~f.control() & FloatFlags.IE) == 0) {
      f.push(f.math.signExponent, f.math.significand);
    }
  }

  static void loadSingle(X87 f, int bits) {
    if (!overflow(f)) {
      f.math.fromSingle(bits);
      pushResult(f);
    }
  }

  static void loadDouble(X87 f, long bits) {
    if (!overflow(f)) {
      f.math.fromDouble(bits);
      pushResult(f);
    }
  }

  static void loadInteger(X87 f, long value) {
    if (!overflow(f)) {
      f.math.fromInteger(value);
      pushResult(f);
    }
  }

  /** FLD m80: any bits, no exception. */
  static void loadExtended(SoftCpu c, X87 f, MemOperand m) {
    long sig = c.read64(m.forRead(c, 10));
    int se = c.read16(m.forRead(c, 8, 2));
    if (!overflow(f)) {
      f.setC1(false);
      f.push(se, sig);
    }
  }

  static void loadBcd(SoftCpu c, X87 f, MemOperand m) {
    long low = c.read64(m.forRead(c, 10));
    int high = c.read16(m.forRead(c, 8, 2));
    if (!overflow(f)) {
      f.math.fromBcd(low, high);
      pushResult(f);
    }
  }

  static void loadRegister(X87 f, int i) {
    if (f.isEmpty(i)) {
      if (f.stackFault(false)) {
        f.push(Extended.INDEFINITE_SIGN_EXPONENT, Extended.INDEFINITE_SIGNIFICAND);
      }
    } else if (!overflow(f)) {
      f.setC1(false);
      f.push(f.se(i), f.sig(i));
    }
  }

  // --- stores -----------------------------------------------------------------------------------

  /**
   * Whether the store is to happen: over- and underflow of a memory operand suppress it too when
   * unmasked.
   */
  private static boolean mayStore(X87 f, int flags) {
    return (flags & ~f.control() & (FloatFlags.BEFORE_RESULT | FloatFlags.OE | FloatFlags.UE)) == 0;
  }

  /**
   * Returns where to store; a page fault comes first, also if an exception then suppresses the
   * store.
   */
  private static long writable(SoftCpu c, MemOperand m, int bytes) {
    long lin = m.forWrite(c, bytes);
    c.probeWrite(lin, bytes);
    return lin;
  }

  private static boolean invalidMasked(X87 f) {
    return (f.control() & FloatFlags.IE) != 0;
  }

  /** After a store: status and pop; the operation's exceptions are in {@link X87#math}. */
  private static void finish(X87 f, boolean stored, boolean pop) {
    // Without a stored result there is no inexact one.
    f.accept(stored ? f.math.flags : f.math.flags & ~FloatFlags.PE, stored && f.math.roundedUp);
    if (stored && pop) {
      f.pop();
    }
  }

  /** After the store of an indefinite value for an empty ST(0), or none if that is unmasked. */
  private static void finishUnderflow(X87 f, boolean pop) {
    if (f.stackFault(false) && pop) {
      f.pop();
    }
  }

  static void storeSingle(SoftCpu c, X87 f, MemOperand m, boolean pop) {
    long lin = writable(c, m, 4);
    if (f.isEmpty(0)) {
      if (invalidMasked(f)) {
        c.write32(lin, 0xFFC0_0000);
      }
      finishUnderflow(f, pop);
      return;
    }
    int bits = f.math.toSingle(f.se(0), f.sig(0));
    boolean store = mayStore(f, f.math.flags);
    if (store) {
      c.write32(lin, bits);
    }
    finish(f, store, pop);
  }

  static void storeDouble(SoftCpu c, X87 f, MemOperand m, boolean pop) {
    long lin = writable(c, m, 8);
    if (f.isEmpty(0)) {
      if (invalidMasked(f)) {
        c.write64(lin, 0xFFF8_0000_0000_0000L);
      }
      finishUnderflow(f, pop);
      return;
    }
    long bits = f.math.toDouble(f.se(0), f.sig(0));
    boolean store = mayStore(f, f.math.flags);
    if (store) {
      c.write64(lin, bits);
    }
    finish(f, store, pop);
  }

  /** FIST and FISTP of 16, 32 or 64 bits. */
  static void storeInteger(SoftCpu c, X87 f, MemOperand m, int bits, boolean pop) {
    storeInteger(c, f, m, bits, pop, false);
  }

  /** FISTTP. */
  static void storeTruncated(SoftCpu c, X87 f, MemOperand m, int bits) {
    storeInteger(c, f, m, bits, true, true);
  }

  private static void storeInteger(
      SoftCpu c, X87 f, MemOperand m, int bits, boolean pop, boolean truncate) {
    long lin = writable(c, m, bits / 8);
    if (f.isEmpty(0)) {
      if (invalidMasked(f)) {
        writeInteger(c, lin, bits, -1L << bits - 1);
      }
      finishUnderflow(f, pop);
      return;
    }
    long value = f.math.toInteger(f.se(0), f.sig(0), bits, truncate);
    boolean store = mayStore(f, f.math.flags);
    if (store) {
      writeInteger(c, lin, bits, value);
    }
    finish(f, store, pop);
  }

  private static void writeInteger(SoftCpu c, long lin, int bits, long value) {
    switch (bits) {
      case 16 -> c.write16(lin, (int) value & 0xFFFF);
      case 32 -> c.write32(lin, (int) value);
      default -> c.write64(lin, value);
    }
  }

  /** FSTP m80. */
  static void storeExtended(SoftCpu c, X87 f, MemOperand m) {
    writable(c, m, 10);
    if (!f.isEmpty(0)) {
      write80(c, m, f.sig(0), f.se(0));
      f.setC1(false);
      f.pop();
      return;
    }
    if (invalidMasked(f)) {
      write80(c, m, Extended.INDEFINITE_SIGNIFICAND, Extended.INDEFINITE_SIGN_EXPONENT);
    }
    finishUnderflow(f, true);
  }

  static void storeBcd(SoftCpu c, X87 f, MemOperand m) {
    writable(c, m, 10);
    if (f.isEmpty(0)) {
      if (invalidMasked(f)) {
        write80(c, m, BCD_INDEFINITE_LOW, BCD_INDEFINITE_HIGH);
      }
      finishUnderflow(f, true);
      return;
    }
    long low = f.math.toBcd(f.se(0), f.sig(0));
    boolean store = mayStore(f, f.math.flags);
    if (store) {
      write80(c, m, low, f.math.bcdHigh);
    }
    finish(f, store, true);
  }

  private static void write80(SoftCpu c, MemOperand m, long low, int high) {
    c.write64(m.forWrite(c, 10), low);
    c.write16(m.forWrite(c, 8, 2), high);
  }

  // --- registers --------------------------------------------------------------------------------

  /** FST and FSTP ST(i). */
  static void storeRegister(X87 f, int i, boolean pop) {
    if (f.isEmpty(0)) {
      X87Arithmetic.indefinite(f, i, pop);
      return;
    }
    f.setC1(false);
    f.set(i, f.se(0), f.sig(0));
    if (pop) {
      f.pop();
    }
  }

  /** FSTP's aliases D9 D8 and DF D0: no fault if ST(0) is empty, and nothing is moved then. */
  static void moveAndPop(X87 f, int i) {
    f.setC1(false);
    if (!f.isEmpty(0)) {
      f.set(i, f.se(0), f.sig(0));
    }
    f.pop();
  }

  /** FXCH: empty registers become indefinite first. */
  static void exchange(X87 f, int i) {
    if (X87Arithmetic.underflow(f, 0, i)) {
      if (!f.stackFault(false)) {
        return;
      }
      fillEmpty(f, 0);
      fillEmpty(f, i);
    } else {
      f.setC1(false);
    }
    int se = f.se(0);
    long sig = f.sig(0);
    f.set(0, f.se(i), f.sig(i));
    f.set(i, se, sig);
  }

  private static void fillEmpty(X87 f, int i) {
    if (f.isEmpty(i)) {
      f.set(i, Extended.INDEFINITE_SIGN_EXPONENT, Extended.INDEFINITE_SIGNIFICAND);
    }
  }

  /** FCMOVcc; faults on an empty register even if the condition does not hold. */
  static void moveIf(X87 f, int i, boolean holds) {
    if (X87Arithmetic.underflow(f, 0, i)) {
      X87Arithmetic.indefinite(f, 0, false);
      return;
    }
    if (holds) {
      f.set(0, f.se(i), f.sig(i));
    }
  }
}
