package dev.godwit.cpu.soft;

/**
 * Shifts and rotates, with their flags (SDM vol. 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD).
 * Each takes the count as the instruction gives it and masks it to 5 or 6 bits; a masked count of 0
 * changes nothing, flags included.
 *
 * <p>OF, defined only for a count of 1, is computed by the same formula for all counts, as
 * processors do; AF, undefined after shifts, is cleared.
 */
final class Shift {
  // In the order of ModRM.reg of C0, C1, D0–D3.
  static final int ROL = 0;
  static final int ROR = 1;
  static final int RCL = 2;
  static final int RCR = 3;
  static final int SHL = 4;
  static final int SHR = 5;
  static final int SAR = 7;

  private Shift() {}

  static int maskCount(int count, int bits) {
    return count & (bits == 64 ? 63 : 31);
  }

  /** Applies an operation by its number; 6 is an alias of {@link #SHL}. */
  static long apply(int operation, SoftCpu c, long a, int count, int bits) {
    return switch (operation) {
      case ROL -> rol(c, a, count, bits);
      case ROR -> ror(c, a, count, bits);
      case RCL -> rcl(c, a, count, bits);
      case RCR -> rcr(c, a, count, bits);
      case SHR -> shr(c, a, count, bits);
      case SAR -> sar(c, a, count, bits);
      default -> shl(c, a, count, bits);
    };
  }

  // Each by a count that is masked and not 0: first the value with all but the last bit shifted,
  // then what follows from it.

  static long shlButLast(long a, int count, int bits) {
    return a << (count - 1) << (64 - bits); // its top bit is the last one to leave
  }

  static long shlResult(long butLast, int bits) {
    return butLast << 1 >> (64 - bits);
  }

  static long shlAux(long butLast, int bits) {
    // Bit 62 is CF XOR OF, and OF is CF XOR the result's sign: so bit 62 is that sign.
    return butLast & Long.MIN_VALUE | (butLast << 1 >>> 63) << 62;
  }

  static long shrButLast(long a, int count, int bits) {
    return Alu.zeroExtend(a, bits) >>> (count - 1);
  }

  static long shrResult(long butLast, int bits) {
    return Alu.signExtend(butLast >>> 1, bits);
  }

  static long shrAux(long butLast, int bits) {
    long overflow = butLast >>> (bits - 1); // not 0 for a count of 1 only
    return butLast << 63 | ((butLast ^ overflow) & 1) << 62;
  }

  static long sarButLast(long a, int count, int bits) {
    return Alu.signExtend(a, bits) >> (count - 1);
  }

  static long sarResult(long butLast, int bits) {
    return butLast >> 1;
  }

  static long sarAux(long butLast, int bits) {
    return butLast << 63 | (butLast & 1) << 62;
  }

  static long rolResult(long a, int count, int bits) {
    int n = count & (bits - 1);
    long value = Alu.zeroExtend(a, bits);
    return Alu.signExtend(value << n | value >>> (bits - n), bits);
  }

  static long rolAux(long result, long oldAux) {
    boolean cf = (result & 1) != 0;
    return Flags.withCarryAndOverflow(oldAux, cf, cf ^ result < 0);
  }

  static long rorResult(long a, int count, int bits) {
    int n = count & (bits - 1);
    long value = Alu.zeroExtend(a, bits);
    return Alu.signExtend(value >>> n | value << (bits - n), bits);
  }

  static long rorAux(long result, int bits, long oldAux) {
    boolean cf = result < 0;
    return Flags.withCarryAndOverflow(oldAux, cf, cf ^ (result >>> (bits - 2) & 1) != 0);
  }

  static long shl(SoftCpu c, long a, int count, int bits) {
    int n = maskCount(count, bits);
    if (n == 0) {
      return a;
    }
    long butLast = shlButLast(a, n, bits);
    c.flagAux = shlAux(butLast, bits);
    return c.flagResult = shlResult(butLast, bits);
  }

  static long shr(SoftCpu c, long a, int count, int bits) {
    int n = maskCount(count, bits);
    if (n == 0) {
      return a;
    }
    long butLast = shrButLast(a, n, bits);
    c.flagAux = shrAux(butLast, bits);
    return c.flagResult = shrResult(butLast, bits);
  }

  static long sar(SoftCpu c, long a, int count, int bits) {
    int n = maskCount(count, bits);
    if (n == 0) {
      return a;
    }
    long butLast = sarButLast(a, n, bits);
    c.flagAux = sarAux(butLast, bits);
    return c.flagResult = sarResult(butLast, bits);
  }

  static long rol(SoftCpu c, long a, int count, int bits) {
    int n = maskCount(count, bits);
    if (n == 0) {
      return a;
    }
    long result = rolResult(a, n, bits);
    c.flagAux = rolAux(result, c.flagAux);
    return result;
  }

  static long ror(SoftCpu c, long a, int count, int bits) {
    int n = maskCount(count, bits);
    if (n == 0) {
      return a;
    }
    long result = rorResult(a, n, bits);
    c.flagAux = rorAux(result, bits, c.flagAux);
    return result;
  }

  static long rcl(SoftCpu c, long a, int count, int bits) {
    int masked = maskCount(count, bits);
    if (masked == 0) {
      return a;
    }
    int n = bits < 32 ? masked % (bits + 1) : masked;
    long value = Alu.zeroExtend(a, bits);
    boolean cf = Flags.cf(c.flagAux);
    for (int i = 0; i < n; i++) {
      boolean out = (value >>> (bits - 1) & 1) != 0;
      value = Alu.zeroExtend(value << 1 | (cf ? 1 : 0), bits);
      cf = out;
    }
    long result = Alu.signExtend(value, bits);
    Alu.setCarryAndOverflow(c, cf, cf ^ result < 0);
    return result;
  }

  static long rcr(SoftCpu c, long a, int count, int bits) {
    int masked = maskCount(count, bits);
    if (masked == 0) {
      return a;
    }
    int n = bits < 32 ? masked % (bits + 1) : masked;
    long value = Alu.zeroExtend(a, bits);
    boolean cf = Flags.cf(c.flagAux);
    for (int i = 0; i < n; i++) {
      boolean out = (value & 1) != 0;
      value = value >>> 1 | (cf ? 1L << (bits - 1) : 0);
      cf = out;
    }
    long result = Alu.signExtend(value, bits);
    Alu.setCarryAndOverflow(c, cf, result < 0 ^ (value >>> (bits - 2) & 1) != 0);
    return result;
  }

  /**
   * SHLD: {@code a} shifted left, filled from the top of {@code b}. A 16-bit count above 16 goes on
   * with {@code a}.
   */
  static long shld(SoftCpu c, long a, long b, int count, int bits) {
    int n = maskCount(count, bits);
    if (n == 0) {
      return a;
    }
    long high = Alu.zeroExtend(a, bits);
    long low = Alu.zeroExtend(b, bits);
    boolean cf;
    long shifted;
    if (bits == 16) {
      long wide = high << 32 | low << 16 | high;
      shifted = wide << n >>> 32;
      cf = (wide >>> (48 - n) & 1) != 0;
    } else {
      shifted = high << n | low >>> (bits - n);
      cf = (high >>> (bits - n) & 1) != 0;
    }
    long result = Alu.signExtend(shifted, bits);
    c.flagResult = result;
    c.flagAux = Flags.aux(cf, cf ^ result < 0, false);
    return result;
  }

  /**
   * SHRD: {@code a} shifted right, filled from the bottom of {@code b}. A 16-bit count above 16
   * goes on with {@code a}.
   */
  static long shrd(SoftCpu c, long a, long b, int count, int bits) {
    int n = maskCount(count, bits);
    if (n == 0) {
      return a;
    }
    long low = Alu.zeroExtend(a, bits);
    long high = Alu.zeroExtend(b, bits);
    boolean cf;
    long shifted;
    if (bits == 16) {
      long wide = low << 32 | high << 16 | low;
      shifted = wide >>> n;
      cf = (wide >>> (n - 1) & 1) != 0;
    } else {
      shifted = low >>> n | high << (bits - n);
      cf = (low >>> (n - 1) & 1) != 0;
    }
    long result = Alu.signExtend(shifted, bits);
    c.flagResult = result;
    boolean of = ((result ^ result << 1) >>> (bits - 1) & 1) != 0;
    c.flagAux = Flags.aux(cf, of, false);
    return result;
  }
}
