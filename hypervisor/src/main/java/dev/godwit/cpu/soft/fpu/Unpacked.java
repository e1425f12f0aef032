package dev.godwit.cpu.soft.fpu;

/**
 * A floating-point value of any of the three formats, taken apart. A finite non-zero value is
 * {@code sig * 2^(exp - 63)} with the top bit of {@code sig} set, denormals included. NaNs are the
 * business of the callers: how they propagate differs between SSE and x87.
 */
final class Unpacked {
  static final int ZERO = 0;
  static final int FINITE = 1;
  static final int INFINITE = 2;
  static final int NAN = 3;

  /** An 80-bit encoding that no operation produces: unnormal, pseudo-infinity, pseudo-NaN. */
  static final int UNSUPPORTED = 4;

  int kind;
  boolean negative;
  int exp;
  long sig;

  /** Whether the source was denormal (or pseudo-denormal). */
  boolean denormal;

  void setSingle(int bits) {
    negative = bits < 0;
    int biased = bits >>> 23 & 0xFF;
    set(biased, (long) bits << 41 >>> 1, 0xFF, 127);
  }

  void setDouble(long bits) {
    negative = bits < 0;
    int biased = (int) (bits >>> 52) & 0x7FF;
    set(biased, bits << 12 >>> 1, 0x7FF, 1023);
  }

  /**
   * From the parts common to single and double.
   *
   * @param fraction with its first bit at bit 62
   */
  private void set(int biased, long fraction, int maxBiased, int bias) {
    denormal = false;
    if (biased == maxBiased) {
      kind = fraction == 0 ? INFINITE : NAN;
      sig = Long.MIN_VALUE | fraction;
    } else if (biased != 0) {
      kind = FINITE;
      exp = biased - bias;
      sig = Long.MIN_VALUE | fraction;
    } else {
      setSubnormal(fraction, 1 - bias);
    }
  }

  /** From an 80-bit value: sign and biased exponent in the low 16 bits of {@code signExponent}. */
  void setExtended(int signExponent, long significand) {
    negative = (signExponent & 0x8000) != 0;
    int biased = signExponent & 0x7FFF;
    denormal = false;
    if (biased == 0) {
      setSubnormal(significand, -16382);
    } else if (significand >= 0) {
      kind = UNSUPPORTED;
    } else if (biased == 0x7FFF) {
      kind = significand == Long.MIN_VALUE ? INFINITE : NAN;
      sig = significand;
    } else {
      kind = FINITE;
      exp = biased - 16383;
      sig = significand;
    }
  }

  private void setSubnormal(long value, int minExp) {
    if (value == 0) {
      kind = ZERO;
      return;
    }
    kind = FINITE;
    denormal = true;
    int shift = Long.numberOfLeadingZeros(value);
    exp = minExp - shift;
    sig = value << shift;
  }

  void setInteger(long value) {
    denormal = false;
    negative = value < 0;
    if (value == 0) {
      kind = ZERO;
      return;
    }
    kind = FINITE;
    long magnitude = Math.abs(value);
    int shift = Long.numberOfLeadingZeros(magnitude);
    exp = 63 - shift;
    sig = magnitude << shift;
  }

  void setZero(boolean isNegative) {
    kind = ZERO;
    negative = isNegative;
    denormal = false;
  }

  /** Reads a denormal as zero of its sign, as MXCSR.DAZ asks. */
  void flushDenormal() {
    if (denormal) {
      setZero(negative);
    }
  }
}
