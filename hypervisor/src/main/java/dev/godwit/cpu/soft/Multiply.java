package dev.godwit.cpu.soft;

/**
 * Multiplication and division on RAX/RDX and on general registers (SDM vol. 2, MUL, IMUL, DIV,
 * IDIV).
 *
 * <p>CF and OF of a product say that the upper half is significant; the other flags are undefined
 * there, and all six after a division. Here SF, ZF and PF follow the product's lower half, AF is 0,
 * and a division leaves the flags alone.
 */
final class Multiply {
  private static final int RAX = 0;
  private static final int RDX = 2;

  private Multiply() {}

  private static void setFlags(SoftCpu c, long low, boolean significant) {
    c.flagResult = low;
    c.flagAux = significant ? Long.MIN_VALUE : 0; // CF with OF
  }

  /** Returns the lower half of the product of two sign-extended operands, sign-extended. */
  static long imulResult(long a, long b, int bits) {
    return Alu.signExtend(a * b, bits);
  }

  /** Returns {@code flagAux} of the product of two sign-extended operands. */
  static long imulAux(long a, long b, int bits) {
    boolean significant =
        bits == 64 ? Math.multiplyHigh(a, b) != a * b >> 63 : Alu.signExtend(a * b, bits) != a * b;
    return significant ? Long.MIN_VALUE : 0; // CF with OF
  }

  /** IMUL with two or three operands; returns the lower half. */
  static long imul(SoftCpu c, long a, long b, int bits) {
    long x = Alu.signExtend(a, bits);
    long y = Alu.signExtend(b, bits);
    c.flagAux = imulAux(x, y, bits);
    return c.flagResult = imulResult(x, y, bits);
  }

  /** MUL: RDX:RAX (AX for bytes) = RAX · b. */
  static void mulWide(SoftCpu c, long b, int bits) {
    long a = c.regs[RAX];
    if (bits == 64) {
      long high = Math.unsignedMultiplyHigh(a, b);
      setFlags(c, a * b, high != 0);
      c.regs[RAX] = a * b;
      c.regs[RDX] = high;
      return;
    }
    long product = Alu.zeroExtend(a, bits) * Alu.zeroExtend(b, bits);
    setFlags(c, Alu.signExtend(product, bits), product >>> bits != 0);
    setPair(c, product, bits);
  }

  /** IMUL with one operand: RDX:RAX (AX for bytes) = RAX · b. */
  static void imulWide(SoftCpu c, long b, int bits) {
    long a = c.regs[RAX];
    long low = imul(c, a, b, bits);
    if (bits == 64) {
      c.regs[RAX] = low;
      c.regs[RDX] = Math.multiplyHigh(a, b);
      return;
    }
    setPair(c, Alu.signExtend(a, bits) * Alu.signExtend(b, bits), bits);
  }

  /** Stores a double-width value of 8 to 32-bit halves: AX, DX:AX or EDX:EAX. */
  private static void setPair(SoftCpu c, long value, int bits) {
    long[] regs = c.regs;
    switch (bits) {
      case 8 -> regs[RAX] = regs[RAX] & ~0xFFFFL | value & 0xFFFF;
      case 16 -> {
        regs[RAX] = regs[RAX] & ~0xFFFFL | value & 0xFFFF;
        regs[RDX] = regs[RDX] & ~0xFFFFL | value >>> 16 & 0xFFFF;
      }
      default -> {
        regs[RAX] = value & 0xFFFF_FFFFL;
        regs[RDX] = value >>> 32;
      }
    }
  }

  /**
   * Returns the double-width value of 8 to 32-bit halves, as 64 bits (sign-extended for bytes and
   * words).
   */
  private static long pair(SoftCpu c, int bits) {
    long[] regs = c.regs;
    return switch (bits) {
      case 8 -> (short) regs[RAX];
      case 16 -> (int) (regs[RDX] << 16 | regs[RAX] & 0xFFFF);
      default -> regs[RDX] << 32 | regs[RAX] & 0xFFFF_FFFFL;
    };
  }

  /** Stores quotient and remainder: AL and AH, or RAX and RDX. */
  private static void setQuotient(SoftCpu c, long quotient, long remainder, int bits) {
    if (bits == 8) {
      setPair(c, quotient & 0xFF | (remainder & 0xFF) << 8, 8);
    } else {
      setPair(c, Alu.zeroExtend(quotient, bits) | remainder << bits, bits);
    }
  }

  /** DIV; raises #DE for a zero divisor and when the quotient doesn't fit. */
  static void div(SoftCpu c, long divisor, int bits) {
    if (bits == 64) {
      div128(c, divisor);
      return;
    }
    long d = Alu.zeroExtend(divisor, bits);
    if (d == 0) {
      throw GuestFault.of(GuestFault.DE);
    }
    long dividend = bits == 32 ? pair(c, 32) : Alu.zeroExtend(pair(c, bits), 2 * bits);
    long quotient = Long.divideUnsigned(dividend, d);
    if (quotient >>> bits != 0) {
      throw GuestFault.of(GuestFault.DE);
    }
    setQuotient(c, quotient, dividend - quotient * d, bits);
  }

  /** IDIV; raises #DE for a zero divisor and when the quotient doesn't fit. */
  static void idiv(SoftCpu c, long divisor, int bits) {
    if (bits == 64) {
      idiv128(c, divisor);
      return;
    }
    long d = Alu.signExtend(divisor, bits);
    long dividend = pair(c, bits);
    if (d == 0 || dividend == Long.MIN_VALUE && d == -1) {
      throw GuestFault.of(GuestFault.DE);
    }
    long quotient = dividend / d;
    if (quotient != Alu.signExtend(quotient, bits)) {
      throw GuestFault.of(GuestFault.DE);
    }
    setQuotient(c, quotient, dividend - quotient * d, bits);
  }

  private static void div128(SoftCpu c, long divisor) {
    long high = c.regs[RDX];
    long low = c.regs[RAX];
    if (Long.compareUnsigned(high, divisor) >= 0) {
      throw GuestFault.of(GuestFault.DE); // a zero divisor, too
    }
    long quotient = divideUnsigned(high, low, divisor);
    c.regs[RDX] = low - quotient * divisor;
    c.regs[RAX] = quotient;
  }

  private static void idiv128(SoftCpu c, long divisor) {
    long high = c.regs[RDX];
    long low = c.regs[RAX];
    boolean negative = high < 0;
    if (negative) {
      low = -low;
      high = ~high + (low == 0 ? 1 : 0);
    }
    long d = Math.abs(divisor); // MIN_VALUE stays, and is right as an unsigned value
    if (Long.compareUnsigned(high, d) >= 0) {
      throw GuestFault.of(GuestFault.DE);
    }
    long quotient = divideUnsigned(high, low, d);
    long remainder = low - quotient * d;
    boolean negativeQuotient = negative != divisor < 0;
    if (negativeQuotient ? quotient < 0 && quotient != Long.MIN_VALUE : quotient < 0) {
      throw GuestFault.of(GuestFault.DE);
    }
    c.regs[RAX] = negativeQuotient ? -quotient : quotient;
    c.regs[RDX] = negative ? -remainder : remainder;
  }

  /**
   * Returns the unsigned quotient of {@code high:low} and a divisor greater than {@code high}:
   * schoolbook division by 32-bit digits of a normalised divisor (Knuth, TAOCP vol. 2, 4.3.1,
   * algorithm D).
   */
  static long divideUnsigned(long high, long low, long divisor) {
    if (high == 0) {
      return Long.divideUnsigned(low, divisor);
    }
    int shift = Long.numberOfLeadingZeros(divisor);
    long d = divisor << shift;
    long top = shift == 0 ? high : high << shift | low >>> (64 - shift);
    long rest = low << shift;
    long upper = digit(top, rest >>> 32, d);
    long middle = (top << 32 | rest >>> 32) - upper * d;
    long lower = digit(middle, rest & 0xFFFF_FFFFL, d);
    return upper << 32 | lower;
  }

  /**
   * Returns the 32-bit quotient of the 96-bit value {@code high · 2^32 + next} by a normalised
   * divisor above high.
   */
  private static long digit(long high, long next, long divisor) {
    long dHigh = divisor >>> 32;
    long dLow = divisor & 0xFFFF_FFFFL;
    long quotient = Long.divideUnsigned(high, dHigh);
    long remainder = high - quotient * dHigh;
    while (quotient >>> 32 != 0
        || Long.compareUnsigned(quotient * dLow, remainder << 32 | next) > 0) {
      quotient--;
      remainder += dHigh;
      if (remainder >>> 32 != 0) {
        break;
      }
    }
    return quotient;
  }
}
