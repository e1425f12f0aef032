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

  private static int maskCount(int count, int bits) {
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

  static long shl(SoftCpu c, long a, int count, int bits) {
    int n = maskCount(count, bits);
    if (n == 0) {
      return a;
    }
    long beforeLast = a << (n - 1) << (64 - bits); // its top bit is the last one to leave
    long result = beforeLast << 1 >> (64 - bits);
    c.flagResult = result;
    // Bit 62 is CF XOR OF, and OF is CF XOR the result's sign: so bit 62 is that sign.
    c.flagAux = beforeLast & Long.MIN_VALUE | (result >>> 63) << 62;
    return result;
  }

  static long shr(SoftCpu c, long a, int count, int bits) {
    int n = maskCount(count, bits);
    if (n == 0) {
      return a;
    }
    long beforeLast = Alu.zeroExtend(a, bits) >>> (n - 1);
    long result = Alu.signExtend(beforeLast >>> 1, bits);
    c.flagResult = result;
    long overflow = beforeLast >>> (bits - 1); // not 0 for a count of 1 only
    c.flagAux = beforeLast << 63 | ((beforeLast ^ overflow) & 1) << 62;
    return result;
  }

  static long sar(SoftCpu c, long a, int count, int bits) {
    int n = maskCount(count, bits);
    if (n == 0) {
      return a;
    }
    long beforeLast = Alu.signExtend(a, bits) >> (n - 1);
    long result = beforeLast >> 1;
    c.flagResult = result;
    c.flagAux = beforeLast << 63 | (beforeLast & 1) << 62;
    return result;
  }

  static long rol(SoftCpu c, long a, int count, int bits) {
    int masked = maskCount(count, bits);
    if (masked == 0) {
      return a;
    }
    int n = masked & (bits - 1);
    long value = Alu.zeroExtend(a, bits);
    long result = Alu.signExtend(value << n | value >>> (bits - n), bits);
    boolean cf = (result & 1) != 0;
    Alu.setCarryAndOverflow(c, cf, cf ^ result < 0);
    return result;
  }

  static long ror(SoftCpu c, long a, int count, int bits) {
    int masked = maskCount(count, bits);
    if (masked == 0) {
      return a;
    }
    int n = masked & (bits - 1);
    long value = Alu.zeroExtend(a, bits);
    long result = Alu.signExtend(value >>> n | value << (bits - n), bits);
    boolean cf = result < 0;
    Alu.setCarryAndOverflow(c, cf, cf ^ (result >>> (bits - 2) & 1) != 0);
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
