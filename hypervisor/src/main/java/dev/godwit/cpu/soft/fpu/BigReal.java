package dev.godwit.cpu.soft.fpu;

import java.math.BigInteger;

/**
 * A real number {@code units * 2^exp} for the transcendental instructions, with about {@link #BITS}
 * significant bits after a division or {@link #trim}. Slow and simple: guests rarely execute them.
 */
record BigReal(BigInteger units, int exp) {
  static final int BITS = 224;
  static final BigReal ONE = new BigReal(BigInteger.ONE, 0);

  /** ln 2 = 2 artanh(1/3). */
  static final BigReal LN2 = fixed(inverseSeries(3, false).shiftLeft(1));

  /** pi = 16 arctan(1/5) - 4 arctan(1/239). */
  static final BigReal PI =
      fixed(inverseSeries(5, true).shiftLeft(4).subtract(inverseSeries(239, true).shiftLeft(2)));

  /** From fixed point with {@link #BITS} bits of fraction. */
  static BigReal fixed(BigInteger value) {
    return new BigReal(value, -BITS);
  }

  /** From the magnitude of a finite operand. */
  static BigReal magnitude(Unpacked x) {
    return new BigReal(new BigInteger(Long.toUnsignedString(x.sig)), x.exp - 63);
  }

  static BigReal of(long value) {
    return new BigReal(BigInteger.valueOf(value), 0);
  }

  /** artanh(1/n), or arctan(1/n), in fixed point. */
  private static BigInteger inverseSeries(int n, boolean alternate) {
    BigInteger power = BigInteger.ONE.shiftLeft(BITS).divide(BigInteger.valueOf(n));
    BigInteger square = BigInteger.valueOf((long) n * n);
    BigInteger sum = power;
    for (int i = 3; power.signum() != 0; i += 2) {
      power = power.divide(square);
      BigInteger term = power.divide(BigInteger.valueOf(i));
      sum = alternate && (i & 2) != 0 ? sum.subtract(term) : sum.add(term);
    }
    return sum;
  }

  int signum() {
    return units.signum();
  }

  /** Position of the leading bit: the number is in [2^n, 2^(n+1)). */
  int leading() {
    return units.abs().bitLength() - 1 + exp;
  }

  BigReal negate() {
    return new BigReal(units.negate(), exp);
  }

  BigReal scale(int power) {
    return new BigReal(units, exp + power);
  }

  BigReal multiply(BigReal other) {
    return new BigReal(units.multiply(other.units), exp + other.exp).trim();
  }

  /**
   * The exact sum, unless the exponents are so far apart that the smaller only nudges the last
   * bits.
   */
  BigReal add(BigReal other) {
    if (signum() == 0 || other.signum() == 0) {
      return signum() == 0 ? other : this;
    }
    if (leading() < other.leading()) {
      return other.add(this);
    }
    if (leading() - other.leading() > 2 * BITS) {
      int shift = 2 * BITS;
      return new BigReal(
              units.shiftLeft(shift).add(BigInteger.valueOf(other.signum())), exp - shift)
          .trim();
    }
    int low = Math.min(exp, other.exp);
    return new BigReal(units.shiftLeft(exp - low).add(other.units.shiftLeft(other.exp - low)), low)
        .trim();
  }

  BigReal subtract(BigReal other) {
    return add(other.negate());
  }

  BigReal divide(BigReal other) {
    int shift = BITS + Math.max(0, other.units.bitLength() - units.bitLength());
    return new BigReal(units.shiftLeft(shift).divide(other.units), exp - other.exp - shift);
  }

  BigReal sqrt() {
    int shift = 2 * BITS + (exp & 1);
    return new BigReal(units.shiftLeft(shift).sqrt(), exp - shift >> 1);
  }

  /** Drops bits beyond what is useful. */
  BigReal trim() {
    int excess = units.bitLength() - BITS - 64;
    return excess > 0 ? new BigReal(units.shiftRight(excess), exp + excess) : this;
  }

  /** In fixed point with {@link #BITS} bits of fraction. */
  BigInteger toFixed() {
    int shift = BITS + exp;
    return shift >= 0 ? units.shiftLeft(shift) : units.shiftRight(-shift);
  }
}
