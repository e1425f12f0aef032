package dev.godwit.cpu.soft.fpu;

import static dev.godwit.cpu.soft.fpu.FloatFlags.DOWN;
import static dev.godwit.cpu.soft.fpu.FloatFlags.IE;
import static dev.godwit.cpu.soft.fpu.FloatFlags.NEAREST;
import static dev.godwit.cpu.soft.fpu.FloatFlags.OE;
import static dev.godwit.cpu.soft.fpu.FloatFlags.PE;
import static dev.godwit.cpu.soft.fpu.FloatFlags.UE;
import static dev.godwit.cpu.soft.fpu.FloatFlags.UP;
import static dev.godwit.cpu.soft.fpu.FloatFlags.ZE;

/**
 * Exact binary floating-point arithmetic on integers, for all formats and rounding modes.
 *
 * <p>Operands are loaded into {@link #a} and {@link #b}, an operation leaves an exact (or
 * sticky-bit) result in the result fields, and one of the {@code round} methods delivers it in a
 * format. Exception flags collect in {@link #flags}. Nothing is allocated. NaN operands must be
 * dealt with before.
 */
final class SoftFloat {
  /** What x87 adds to or subtracts from the exponent of an unmasked under- or overflow. */
  static final int WRAP = 24576;

  final Unpacked a = new Unpacked();
  final Unpacked b = new Unpacked();

  /** Exceptions so far; the caller clears it. */
  int flags;

  /** Whether the last rounding increased the magnitude (x87's C1). */
  boolean roundedUp;

  /** The last operation had no numeric result (flags has IE): deliver the default NaN. */
  boolean invalid;

  int kind;
  boolean negative;
  int exp;

  /** The significand, top bit set, and 64 more bits of which the lowest is sticky. */
  long hi;

  long lo;

  // --- operations ---------------------------------------------------------------------------

  void copy(Unpacked from) {
    invalid = false;
    kind = from.kind;
    negative = from.negative;
    exp = from.exp;
    hi = from.sig;
    lo = 0;
  }

  /** a + b, or a - b; {@code rc} decides the sign of an exact zero. */
  void add(boolean subtract, int rc) {
    boolean negativeB = b.negative ^ subtract;
    if (a.kind == Unpacked.INFINITE) {
      copy(a);
      if (b.kind == Unpacked.INFINITE && a.negative != negativeB) {
        setInvalid();
      }
    } else if (b.kind == Unpacked.INFINITE || a.kind == Unpacked.ZERO && b.kind != Unpacked.ZERO) {
      copy(b);
      negative = negativeB;
    } else if (b.kind == Unpacked.ZERO) {
      copy(a);
      if (a.kind == Unpacked.ZERO && a.negative != negativeB) {
        negative = rc == DOWN;
      }
    } else {
      addFinite(negativeB, rc);
    }
  }

  private void addFinite(boolean negativeB, int rc) {
    Unpacked large = a;
    Unpacked small = b;
    boolean negativeLarge = a.negative;
    if (b.exp > a.exp || b.exp == a.exp && Long.compareUnsigned(b.sig, a.sig) > 0) {
      large = b;
      small = a;
      negativeLarge = negativeB;
    }
    invalid = false;
    kind = Unpacked.FINITE;
    negative = negativeLarge;
    exp = large.exp;
    hi = small.sig;
    lo = 0;
    shiftRight(large.exp - small.exp);
    if (a.negative == negativeB) {
      long sum = large.sig + hi;
      if (Long.compareUnsigned(sum, hi) < 0) {
        lo = sum << 63 | lo >>> 1 | lo & 1;
        sum = sum >>> 1 | Long.MIN_VALUE;
        exp++;
      }
      hi = sum;
    } else {
      hi = large.sig - hi - (lo != 0 ? 1 : 0);
      lo = -lo;
      if ((hi | lo) == 0) {
        kind = Unpacked.ZERO;
        negative = rc == DOWN;
      } else {
        normalize();
      }
    }
  }

  void multiply() {
    boolean sign = a.negative ^ b.negative;
    if (a.kind == Unpacked.FINITE && b.kind == Unpacked.FINITE) {
      invalid = false;
      kind = Unpacked.FINITE;
      exp = a.exp + b.exp + 1;
      hi = Math.unsignedMultiplyHigh(a.sig, b.sig);
      lo = a.sig * b.sig;
      normalize();
    } else if (a.kind == Unpacked.INFINITE || b.kind == Unpacked.INFINITE) {
      copy(a.kind == Unpacked.INFINITE ? a : b);
      if (a.kind == Unpacked.ZERO || b.kind == Unpacked.ZERO) {
        setInvalid();
      }
    } else {
      copy(a.kind == Unpacked.ZERO ? a : b);
    }
    negative = sign;
  }

  /** a / b; raises ZE for a finite dividend. */
  void divide() {
    boolean sign = a.negative ^ b.negative;
    if (a.kind == Unpacked.FINITE && b.kind == Unpacked.FINITE) {
      divideFinite();
    } else if (a.kind == b.kind) {
      setInvalid();
    } else if (a.kind == Unpacked.INFINITE || a.kind == Unpacked.ZERO) {
      copy(a);
    } else if (b.kind == Unpacked.ZERO) {
      flags |= ZE;
      copy(a);
      kind = Unpacked.INFINITE;
    } else {
      copy(a);
      kind = Unpacked.ZERO;
    }
    negative = sign;
  }

  private void divideFinite() {
    invalid = false;
    kind = Unpacked.FINITE;
    exp = a.exp - b.exp;
    long remainder;
    if (Long.compareUnsigned(a.sig, b.sig) < 0) {
      exp--;
      hi = divide128(a.sig, 0, b.sig);
      remainder = -hi * b.sig;
    } else {
      hi = divide128(a.sig >>> 1, a.sig << 63, b.sig);
      remainder = (a.sig << 63) - hi * b.sig;
    }
    lo = compareToHalf(remainder, b.sig);
  }

  /**
   * Rounding tail that tells where {@code remainder / divisor}, below 1, lies relative to a half.
   */
  private static long compareToHalf(long remainder, long divisor) {
    if (remainder == 0) {
      return 0;
    }
    int order = remainder < 0 ? 1 : Long.compareUnsigned(remainder << 1, divisor);
    return order < 0 ? 1 : order == 0 ? Long.MIN_VALUE : Long.MIN_VALUE | 1;
  }

  /**
   * Unsigned {@code (high:low) / divisor}, where the divisor's top bit is set and high < divisor.
   */
  static long divide128(long high, long low, long divisor) {
    long d1 = divisor >>> 32;
    long d0 = divisor & 0xFFFF_FFFFL;
    long q1 = quotientDigit(high, low >>> 32, d1, d0);
    long rest = (high << 32 | low >>> 32) - q1 * divisor;
    long q0 = quotientDigit(rest, low & 0xFFFF_FFFFL, d1, d0);
    return q1 << 32 | q0;
  }

  private static long quotientDigit(long high, long nextDigit, long d1, long d0) {
    long q = Long.divideUnsigned(high, d1);
    long r = high - q * d1;
    while (q >>> 32 != 0 || Long.compareUnsigned(q * d0, r << 32 | nextDigit) > 0) {
      q--;
      r += d1;
      if (r >>> 32 != 0) {
        break;
      }
    }
    return q;
  }

  /** Square root of a. */
  void sqrt() {
    if (a.kind == Unpacked.ZERO || a.kind == Unpacked.INFINITE && !a.negative) {
      copy(a);
    } else if (a.negative) {
      setInvalid();
    } else {
      sqrtFinite();
    }
  }

  /** Digit by digit: the root of sig * 2^64 (or 2^63), 64 bits, and the remainder's tail. */
  private void sqrtFinite() {
    invalid = false;
    kind = Unpacked.FINITE;
    negative = false;
    boolean odd = (a.exp & 1) != 0;
    exp = a.exp >> 1;
    // The radicand in [2^126, 2^128), so that the root is in [2^63, 2^64).
    long radicandHi = odd ? a.sig : a.sig >>> 1;
    long radicandLo = odd ? 0 : a.sig << 63;
    long root = 0;
    long remHi = 0;
    long remLo = 0;
    for (int i = 0; i < 64; i++) {
      int shift = 62 - 2 * (i & 31);
      long digits = (i < 32 ? radicandHi : radicandLo) >>> shift & 3;
      remHi = remHi << 2 | remLo >>> 62;
      remLo = remLo << 2 | digits;
      // Try 4 * root + 1.
      long tryHi = root >>> 62;
      long tryLo = root << 2 | 1;
      root <<= 1;
      if (remHi > tryHi || remHi == tryHi && Long.compareUnsigned(remLo, tryLo) >= 0) {
        long borrow = Long.compareUnsigned(remLo, tryLo) < 0 ? 1 : 0;
        remLo -= tryLo;
        remHi -= tryHi + borrow;
        root |= 1;
      }
    }
    hi = root;
    // root + 1/2 squared is root^2 + root + 1/4: past the middle if the remainder exceeds root.
    if (remHi != 0 || Long.compareUnsigned(remLo, root) > 0) {
      lo = Long.MIN_VALUE | 1;
    } else {
      lo = remLo == 0 ? 0 : 1;
    }
  }

  /** The default NaN with IE. */
  void setInvalid() {
    flags |= IE;
    invalid = true;
    kind = Unpacked.NAN;
  }

  private void normalize() {
    if (hi == 0) {
      hi = lo;
      lo = 0;
      exp -= 64;
    }
    int shift = Long.numberOfLeadingZeros(hi);
    if (shift != 0) {
      hi = hi << shift | lo >>> 64 - shift;
      lo <<= shift;
      exp -= shift;
    }
  }

  /** Shifts hi:lo right by {@code count >= 0}, keeping lost bits in the sticky bit. */
  private void shiftRight(int count) {
    if (count == 0) {
      return;
    }
    if (count < 64) {
      long lost = lo << 64 - count;
      lo = hi << 64 - count | lo >>> count | (lost != 0 ? 1 : 0);
      hi >>>= count;
    } else if (count == 64) {
      lo = hi | (lo != 0 ? 1 : 0);
      hi = 0;
    } else if (count < 128) {
      long lost = hi << 128 - count | lo;
      lo = hi >>> count - 64 | (lost != 0 ? 1 : 0);
      hi = 0;
    } else {
      lo = (hi | lo) != 0 ? 1 : 0;
      hi = 0;
    }
  }

  // --- delivery -----------------------------------------------------------------------------

  /**
   * The result as a single.
   *
   * @param masks the exceptions that are masked; unmasked UE is also raised for exact tiny results
   */
  int roundSingle(int rc, int masks, boolean flushToZero) {
    if (invalid) {
      return 0xFFC0_0000;
    }
    int sign = negative ? 0x8000_0000 : 0;
    if (kind == Unpacked.ZERO) {
      return sign;
    }
    if (kind == Unpacked.FINITE) {
      round(24, -126, 127, rc, masks, flushToZero);
    }
    if (kind == Unpacked.INFINITE) {
      return sign | 0x7F80_0000;
    }
    int fraction = (int) (hi >>> 40);
    return sign | (fraction < 0x80_0000 ? fraction : (exp + 127 << 23) + (fraction & 0x7F_FFFF));
  }

  /** The result as a double. */
  long roundDouble(int rc, int masks, boolean flushToZero) {
    if (invalid) {
      return 0xFFF8_0000_0000_0000L;
    }
    long sign = negative ? Long.MIN_VALUE : 0;
    if (kind == Unpacked.ZERO) {
      return sign;
    }
    if (kind == Unpacked.FINITE) {
      round(53, -1022, 1023, rc, masks, flushToZero);
    }
    if (kind == Unpacked.INFINITE) {
      return sign | 0x7FF0_0000_0000_0000L;
    }
    long fraction = hi >>> 11;
    return sign
        | (fraction >>> 52 == 0
            ? fraction
            : ((long) (exp + 1023) << 52) + (fraction & 0xF_FFFF_FFFF_FFFFL));
  }

  /**
   * The result as an 80-bit value: significand in {@link #hi}, the rest returned. Unmasked under-
   * and overflows deliver a wrapped exponent (SDM vol. 1 8.5.4, 8.5.5).
   *
   * @param precision 24, 53 or 64 significant bits
   */
  int roundExtended(int precision, int rc, int masks) {
    if (invalid) {
      hi = 0xC000_0000_0000_0000L;
      return 0xFFFF;
    }
    int sign = negative ? 0x8000 : 0;
    if (kind == Unpacked.ZERO) {
      hi = 0;
      return sign;
    }
    if (kind == Unpacked.FINITE) {
      round(precision, -16382, 16383, rc, masks, false);
      wrapExponent(masks);
    }
    if (kind == Unpacked.INFINITE) {
      hi = Long.MIN_VALUE;
      return sign | 0x7FFF;
    }
    if (kind == Unpacked.ZERO) {
      hi = 0;
      return sign;
    }
    return sign | (hi >= 0 ? 0 : exp + 16383 & 0x7FFF);
  }

  /**
   * Unmasked over- and underflow: FSCALE alone can go so far that the wrapped exponent does not
   * fit.
   */
  private void wrapExponent(int masks) {
    if ((flags & ~masks & OE) != 0) {
      exp -= WRAP;
      if (exp > 16383) {
        kind = Unpacked.INFINITE;
        flags |= PE;
        roundedUp = true;
      }
    } else if ((flags & ~masks & UE) != 0) {
      exp += WRAP;
      if (exp < -16382) {
        kind = Unpacked.ZERO;
        flags |= PE;
      }
    }
  }

  /**
   * Rounds hi:lo to {@code precision} bits and the exponent into range. Afterwards either the kind
   * is INFINITE, or hi holds the significand: without its top bit if it is subnormal. Tininess is
   * detected after rounding, as x86 does (SDM vol. 1 4.9.1.5).
   */
  private void round(
      int precision, int minExp, int maxExp, int rc, int masks, boolean flushToZero) {
    long savedHi = hi;
    long savedLo = lo;
    int savedExp = exp;
    boolean inexact = roundSignificand(precision, rc);
    if (exp > maxExp) {
      flags |= OE | (inexact ? PE : 0);
      if ((masks & OE) != 0) {
        flags |= PE;
        overflow(precision, maxExp, rc);
      }
    } else if (exp < minExp && (masks & UE) != 0) {
      if (flushToZero) {
        flags |= UE | PE;
        hi = 0;
        return;
      }
      hi = savedHi;
      lo = savedLo;
      exp = minExp;
      shiftRight(minExp - savedExp);
      if (roundSignificand(precision, rc)) {
        flags |= UE | PE;
      }
    } else {
      flags |= (exp < minExp ? UE : 0) | (inexact ? PE : 0);
    }
  }

  private void overflow(int precision, int maxExp, int rc) {
    boolean toInfinity = rc == NEAREST || rc == (negative ? DOWN : UP);
    roundedUp = toInfinity;
    if (toInfinity) {
      kind = Unpacked.INFINITE;
    } else {
      exp = maxExp;
      hi = -1L << 64 - precision;
    }
  }

  /** Rounds hi:lo to the top {@code precision} bits of hi; tells whether that was inexact. */
  private boolean roundSignificand(int precision, int rc) {
    int drop = 64 - precision;
    long tail = drop == 0 ? lo : hi << precision | (lo != 0 ? 1 : 0);
    roundedUp = false;
    if (tail == 0) {
      lo = 0;
      return false;
    }
    long kept = hi >>> drop;
    roundedUp =
        switch (rc) {
          case NEAREST -> tail < 0 && (tail != Long.MIN_VALUE || (kept & 1) != 0);
          case DOWN -> negative;
          case UP -> !negative;
          default -> false;
        };
    if (roundedUp) {
      kept++;
      if (drop == 0 ? kept == 0 : kept >>> precision != 0) {
        kept = 1L << precision - 1;
        exp++;
      }
    }
    hi = kept << drop;
    lo = 0;
    return true;
  }

  // --- integers -----------------------------------------------------------------------------

  /**
   * The value of a rounded to an integer. Sets PE if that was inexact.
   *
   * @param bits width of the signed integer: 16, 32 or 64
   * @return the integer, or the smallest one of that width, with IE, if it does not fit
   */
  long roundToInteger(int rc, int bits) {
    long indefinite = -1L << bits - 1;
    roundedUp = false;
    invalid = false;
    if (a.kind == Unpacked.ZERO) {
      return 0;
    }
    if (a.kind != Unpacked.FINITE || a.exp > 63) {
      setInvalid();
      return indefinite;
    }
    copy(a);
    boolean inexact = integerPart(rc);
    long limit = 1L << bits - 1;
    boolean fits = exp <= 63 && (Long.compareUnsigned(hi, limit) < 0 || negative && hi == limit);
    if (!fits) {
      setInvalid();
      roundedUp = false;
      return indefinite;
    }
    if (inexact) {
      flags |= PE;
    }
    return negative ? -hi : hi;
  }

  /**
   * Makes hi the magnitude of the result, below 2^64, rounded to an integer; exp becomes 64 when
   * the rounding overflowed it. The exponent must be at most 63.
   *
   * @return whether it was inexact
   */
  boolean integerPart(int rc) {
    shiftRight(63 - exp);
    exp = 63;
    roundedUp = false;
    if (lo == 0) {
      return false;
    }
    roundedUp =
        switch (rc) {
          case NEAREST -> lo < 0 && (lo != Long.MIN_VALUE || (hi & 1) != 0);
          case DOWN -> negative;
          case UP -> !negative;
          default -> false;
        };
    if (roundedUp && ++hi == 0) {
      exp = 64;
    }
    lo = 0;
    return true;
  }

  /** Rounds a to an integral value, as a result to deliver; sets PE if that changed it. */
  void roundToIntegral(int rc) {
    copy(a);
    roundedUp = false;
    if (kind != Unpacked.FINITE || exp >= 63) {
      return;
    }
    if (integerPart(rc)) {
      flags |= PE;
    }
    if (hi == 0) {
      kind = Unpacked.ZERO;
    } else {
      int shift = Long.numberOfLeadingZeros(hi);
      exp = 63 - shift;
      hi <<= shift;
    }
  }

  /** Compares a with b: -1, 0 or 1. Neither may be a NaN. */
  int compare() {
    int signA = sign(a);
    int signB = sign(b);
    if (signA != signB || signA == 0) {
      return Integer.compare(signA, signB);
    }
    int magnitude;
    if (a.kind != b.kind) {
      magnitude = a.kind == Unpacked.INFINITE ? 1 : -1;
    } else if (a.kind == Unpacked.INFINITE) {
      magnitude = 0;
    } else {
      magnitude =
          a.exp != b.exp ? Integer.compare(a.exp, b.exp) : Long.compareUnsigned(a.sig, b.sig);
    }
    return signA * Integer.signum(magnitude);
  }

  private static int sign(Unpacked x) {
    return x.kind == Unpacked.ZERO ? 0 : x.negative ? -1 : 1;
  }
}
