package dev.godwit.cpu.soft.fpu;

import java.math.BigInteger;

/**
 * F2XM1, FYL2X, FYL2XP1, FPATAN, FSIN, FCOS, FPTAN: computed to more than 200 bits and then
 * rounded, so the error is below 0.5001 ulp, where the manual allows 1 (SDM vol. 1 8.3.10).
 * Arguments of the trigonometric functions are reduced by the 66-bit pi that the manual gives
 * (8.3.8), as real processors do.
 *
 * <p>Conventions of results and flags are those of {@link Extended}, which holds them.
 */
public final class Transcendental {
  /** Pi/2 from the 66-bit pi: 0.C90FDAA22168C234C (hex) * 2^2. */
  private static final BigReal HALF_PI_66 =
      new BigReal(new BigInteger("C90FDAA22168C234C", 16), -67);

  private static final BigInteger FIXED_ONE = BigInteger.ONE.shiftLeft(BigReal.BITS);

  private final Extended x87;
  private final SoftFloat soft;

  /** The second result of {@link #sinCos}: the cosine. */
  public int cosSignExponent;

  public long cosSignificand;

  public Transcendental(Extended x87) {
    this.x87 = x87;
    this.soft = x87.soft;
  }

  /** 2^x - 1, for x from -1 to 1. */
  public void exp2Minus1(int se, long sig) {
    if (x87.loadOne(se, sig)) {
      return;
    }
    Unpacked x = soft.a;
    if (x.kind == Unpacked.ZERO) {
      x87.set(se, sig);
    } else if (x.kind == Unpacked.INFINITE) {
      x87.set(x.negative ? 0xBFFF : se, Extended.INTEGER_BIT);
    } else if (x.exp >= 0) {
      // Only -1 and 1 are in range; what lies outside is undefined and returned as it is.
      if (sig == Extended.INTEGER_BIT && x.exp == 0) {
        x87.set(x.negative ? 0xBFFE : se, sig);
      } else {
        x87.set(se, sig);
      }
    } else {
      BigReal y = signed(x).multiply(BigReal.LN2);
      // (e^y - 1) / y = 1 + y/2! + y^2/3! + ...
      BigInteger fixedY = y.toFixed();
      BigInteger term = FIXED_ONE;
      BigInteger sum = term;
      for (int n = 2; term.signum() != 0 && !term.equals(BigInteger.ONE.negate()); n++) {
        term = mul(term, fixedY).divide(BigInteger.valueOf(n));
        sum = sum.add(term);
      }
      sum = sum.add(BigInteger.valueOf(y.signum()));
      inexact(y.multiply(BigReal.fixed(sum)));
    }
  }

  /** y * log2(x). */
  public void yLog2X(int seX, long sigX, int seY, long sigY) {
    if (x87.loadTwo(seX, sigX, seY, sigY)) {
      return;
    }
    Unpacked x = soft.a;
    Unpacked y = soft.b;
    if (x.negative && x.kind != Unpacked.ZERO) {
      invalid();
    } else if (x.kind == Unpacked.ZERO) {
      if (y.kind == Unpacked.ZERO) {
        invalid();
      } else {
        x87.flags |= y.kind == Unpacked.FINITE ? FloatFlags.ZE : 0;
        x87.set(y.negative ? 0x7FFF : 0xFFFF, Extended.INTEGER_BIT);
      }
    } else if (x.kind == Unpacked.INFINITE || y.kind == Unpacked.INFINITE) {
      yLog2XInfinite(x, y);
    } else if (x.sig == Long.MIN_VALUE) {
      // log2(x) is the integer exponent: an ordinary product.
      x.setInteger(x.exp);
      soft.multiply();
      deliver();
    } else if (y.kind == Unpacked.ZERO) {
      x87.set((x.exp < 0) != y.negative ? 0x8000 : 0, 0);
    } else {
      inexact(log2(x).multiply(signed(y)));
    }
  }

  private void yLog2XInfinite(Unpacked x, Unpacked y) {
    boolean one = x.kind == Unpacked.FINITE && x.exp == 0 && x.sig == Long.MIN_VALUE;
    if (one || x.kind == Unpacked.INFINITE && y.kind == Unpacked.ZERO) {
      invalid();
      return;
    }
    boolean below1 = x.kind == Unpacked.FINITE && x.exp < 0;
    x87.set(below1 != y.negative ? 0xFFFF : 0x7FFF, Extended.INTEGER_BIT);
  }

  /** y * log2(x + 1). */
  public void yLog2XPlus1(int seX, long sigX, int seY, long sigY) {
    if (x87.loadTwo(seX, sigX, seY, sigY)) {
      return;
    }
    Unpacked x = soft.a;
    Unpacked y = soft.b;
    boolean negative = x.negative != y.negative;
    if (x.negative && (x.kind == Unpacked.INFINITE || x.kind == Unpacked.FINITE && x.exp >= 0)) {
      // Below the range, where results are undefined: no real logarithm.
      invalid();
    } else if (x.kind == Unpacked.ZERO || y.kind == Unpacked.ZERO) {
      if (x.kind == Unpacked.INFINITE || y.kind == Unpacked.INFINITE) {
        invalid();
      } else {
        x87.set(negative ? 0x8000 : 0, 0);
      }
    } else if (x.kind == Unpacked.INFINITE || y.kind == Unpacked.INFINITE) {
      x87.set(negative ? 0xFFFF : 0x7FFF, Extended.INTEGER_BIT);
    } else {
      BigReal z = signed(x);
      BigReal log =
          x.exp >= -1 ? log2(BigReal.ONE.add(z)) : log2OfRatio(z.divide(BigReal.of(2).add(z)));
      inexact(log.multiply(signed(y)));
    }
  }

  private static BigReal log2(Unpacked x) {
    return log2(BigReal.magnitude(x));
  }

  /** log2 of a positive number other than a power of two. */
  private static BigReal log2(BigReal x) {
    int exponent = x.leading();
    BigReal m = x.scale(-exponent);
    if (m.units().multiply(m.units()).bitLength() + 2 * m.exp() > 1) {
      // Above the square root of 2.
      exponent++;
      m = m.scale(-1);
    }
    BigReal t = log2OfRatio(m.subtract(BigReal.ONE).divide(m.add(BigReal.ONE)));
    return BigReal.of(exponent).add(t);
  }

  /** log2((1 + s) / (1 - s)) = 2 artanh(s) / ln 2. */
  private static BigReal log2OfRatio(BigReal s) {
    return s.multiply(BigReal.fixed(oddSeries(s, false))).scale(1).divide(BigReal.LN2);
  }

  /** artanh(s)/s or arctan(s)/s: 1 +- s^2/3 + s^4/5 ..., in fixed point. */
  private static BigInteger oddSeries(BigReal s, boolean alternate) {
    BigInteger square = s.multiply(s).toFixed();
    BigInteger power = FIXED_ONE;
    BigInteger sum = power;
    for (int n = 3; power.signum() != 0; n += 2) {
      power = mul(power, square);
      BigInteger term = power.divide(BigInteger.valueOf(n));
      sum = alternate && (n & 2) != 0 ? sum.subtract(term) : sum.add(term);
    }
    // What was cut off, so that a tiny argument does not look exact.
    return alternate ? sum.subtract(BigInteger.ONE) : sum;
  }

  /** arctan(y / x) in the quadrant of the point (x, y). */
  public void arctan2(int seY, long sigY, int seX, long sigX) {
    if (x87.loadTwo(seY, sigY, seX, sigX)) {
      return;
    }
    Unpacked y = soft.a;
    Unpacked x = soft.b;
    BigReal angle;
    if (y.kind == Unpacked.ZERO || x.kind == Unpacked.INFINITE && y.kind != Unpacked.INFINITE) {
      if (!x.negative) {
        x87.set(y.negative ? 0x8000 : 0, 0);
        return;
      }
      angle = BigReal.PI;
    } else if (y.kind == Unpacked.INFINITE) {
      BigReal quarter = BigReal.PI.scale(-2);
      angle =
          x.kind != Unpacked.INFINITE
              ? BigReal.PI.scale(-1)
              : x.negative ? quarter.multiply(BigReal.of(3)) : quarter;
    } else if (x.kind == Unpacked.ZERO) {
      angle = BigReal.PI.scale(-1);
    } else {
      angle = arctan(BigReal.magnitude(y), BigReal.magnitude(x));
      if (x.negative) {
        angle = BigReal.PI.subtract(angle);
      }
    }
    inexact(y.negative ? angle.negate() : angle);
  }

  /** The angle in the first quadrant. */
  private static BigReal arctan(BigReal y, BigReal x) {
    BigReal ratio = y.divide(x);
    return ratio.leading() >= 0
        ? BigReal.PI.scale(-1).subtract(arctan(x.divide(y)))
        : arctan(ratio);
  }

  private static BigReal arctan(BigReal ratio) {
    BigReal r = ratio;
    int halvings = 0;
    while (r.leading() >= -4) {
      // arctan(r) = 2 arctan(r / (1 + sqrt(1 + r^2)))
      r = r.divide(BigReal.ONE.add(BigReal.ONE.add(r.multiply(r)).sqrt()));
      halvings++;
    }
    return r.multiply(BigReal.fixed(oddSeries(r, true))).scale(halvings);
  }

  /** FSIN. Sets C2, and nothing else, if the operand is 2^63 or more. */
  public void sin(int se, long sig) {
    if (trigonometric(se, sig)) {
      return;
    }
    if (soft.a.kind == Unpacked.ZERO) {
      x87.set(se, sig);
    } else {
      inexact(new Angle(soft.a).sin());
    }
  }

  /** FCOS. Sets C2, and nothing else, if the operand is 2^63 or more. */
  public void cos(int se, long sig) {
    if (trigonometric(se, sig)) {
      return;
    }
    if (soft.a.kind == Unpacked.ZERO) {
      x87.set(0x3FFF, Extended.INTEGER_BIT);
    } else {
      inexact(new Angle(soft.a).cos());
    }
  }

  /** FSINCOS: the sine as the result, and the cosine beside it. */
  public void sinCos(int se, long sig) {
    cos(se, sig);
    cosSignExponent = x87.signExponent;
    cosSignificand = x87.significand;
    int flags = x87.flags;
    sin(se, sig);
    x87.flags |= flags;
  }

  /** FPTAN's tangent; the instruction pushes 1.0 after it. */
  public void tan(int se, long sig) {
    if (trigonometric(se, sig)) {
      return;
    }
    if (soft.a.kind == Unpacked.ZERO) {
      x87.set(se, sig);
    } else {
      Angle angle = new Angle(soft.a);
      inexact(angle.sin().divide(angle.cos()));
    }
  }

  /** Loads the operand; true if the result is there already. */
  private boolean trigonometric(int se, long sig) {
    if (x87.loadOne(se, sig)) {
      return true;
    }
    if (soft.a.kind == Unpacked.INFINITE) {
      invalid();
      return true;
    }
    if (soft.a.kind == Unpacked.FINITE && soft.a.exp >= 63) {
      x87.conditions = X87Conditions.C2;
      x87.set(se, sig);
      return true;
    }
    return false;
  }

  /** An angle reduced to [-pi/4, pi/4] and a number of quarter turns. */
  private static final class Angle {
    private final int quarter;
    private final BigReal rest;

    Angle(Unpacked x) {
      BigReal magnitude = BigReal.magnitude(x);
      BigReal turns = magnitude.divide(HALF_PI_66).add(new BigReal(BigInteger.ONE, -1));
      BigInteger k = turns.toFixed().shiftRight(BigReal.BITS);
      BigReal reduced =
          magnitude.subtract(new BigReal(k.multiply(HALF_PI_66.units()), HALF_PI_66.exp()));
      rest = x.negative ? reduced.negate() : reduced;
      quarter = (x.negative ? k.negate() : k).intValue() & 3;
    }

    BigReal sin() {
      return turned(quarter);
    }

    BigReal cos() {
      return turned(quarter + 1);
    }

    private BigReal turned(int quarters) {
      boolean odd = (quarters & 1) != 0;
      BigReal value = odd ? BigReal.fixed(series(1)) : rest.multiply(BigReal.fixed(series(2)));
      return (quarters & 2) != 0 ? value.negate() : value;
    }

    /** cos(rest) for first = 1, sin(rest) / rest for first = 2. */
    private BigInteger series(int first) {
      BigInteger square = rest.multiply(rest).toFixed();
      BigInteger term = FIXED_ONE;
      BigInteger sum = term;
      for (int n = first; term.signum() != 0; n += 2) {
        term = mul(term, square).divide(BigInteger.valueOf((long) n * (n + 1)));
        sum = ((n - first) & 2) == 0 ? sum.subtract(term) : sum.add(term);
      }
      return sum.subtract(BigInteger.ONE);
    }
  }

  private static BigInteger mul(BigInteger a, BigInteger b) {
    return a.multiply(b).shiftRight(BigReal.BITS);
  }

  private static BigReal signed(Unpacked x) {
    BigReal magnitude = BigReal.magnitude(x);
    return x.negative ? magnitude.negate() : magnitude;
  }

  private void invalid() {
    x87.flags = 0;
    x87.setIndefinite();
  }

  /** Delivers a value that stands for an irrational one: never exact. */
  private void inexact(BigReal value) {
    BigInteger units = value.units().abs();
    int shift = units.bitLength() - 128;
    BigInteger top = shift >= 0 ? units.shiftRight(shift) : units.shiftLeft(-shift);
    soft.invalid = false;
    soft.kind = Unpacked.FINITE;
    soft.negative = value.signum() < 0;
    soft.exp = value.leading();
    soft.hi = top.shiftRight(64).longValue();
    soft.lo = top.longValue() | 1;
    deliver();
  }

  private void deliver() {
    x87.deliver(64);
  }
}
