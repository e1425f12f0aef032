package dev.godwit.cpu.soft.fpu;

/** CVT* and the approximations, one lane at a time. Flags go to {@link SseControl}. */
public final class SseConvert {
  private final SseControl control;
  private final SoftFloat soft;

  public SseConvert(SseControl control) {
    this.control = control;
    this.soft = control.soft;
  }

  public long singleToDouble(int x) {
    if (SseSingle.isNan(x)) {
      if (SseSingle.isSignaling(x)) {
        control.flags |= FloatFlags.IE;
      }
      return (x & 0x8000_0000L) << 32 | 0x7FF8_0000_0000_0000L | (x & 0x3F_FFFFL) << 29;
    }
    soft.a.setSingle(x);
    control.denormals(soft.a);
    soft.copy(soft.a);
    return control.takeDouble();
  }

  public int doubleToSingle(long x) {
    if (SseDouble.isNan(x)) {
      if (SseDouble.isSignaling(x)) {
        control.flags |= FloatFlags.IE;
      }
      return (int) (x >>> 32) & 0x8000_0000 | 0x7FC0_0000 | (int) (x >>> 29) & 0x3F_FFFF;
    }
    soft.a.setDouble(x);
    control.denormals(soft.a);
    soft.copy(soft.a);
    return control.takeSingle();
  }

  public long integerToDouble(long x) {
    if (Math.abs(x) >>> 53 == 0) {
      return Double.doubleToRawLongBits((double) x);
    }
    soft.a.setInteger(x);
    soft.copy(soft.a);
    return control.takeDouble();
  }

  public int integerToSingle(long x) {
    if (Math.abs(x) >>> 24 == 0) {
      return Float.floatToRawIntBits((float) x);
    }
    soft.a.setInteger(x);
    soft.copy(soft.a);
    return control.takeSingle();
  }

  /**
   * CVT(T)SD2SI and relatives.
   *
   * @param bits 32 or 64
   * @param truncate ignore MXCSR's rounding
   */
  public long doubleToInteger(long x, int bits, boolean truncate) {
    soft.a.setDouble(x);
    return toInteger(bits, truncate);
  }

  /** CVT(T)SS2SI and relatives. */
  public long singleToInteger(int x, int bits, boolean truncate) {
    soft.a.setSingle(x);
    return toInteger(bits, truncate);
  }

  private long toInteger(int bits, boolean truncate) {
    if (control.denormalsAreZero()) {
      soft.a.flushDenormal();
    }
    long result = soft.roundToInteger(truncate ? FloatFlags.TRUNCATE : control.rounding(), bits);
    control.takeFlags();
    return result;
  }

  /**
   * RCPPS: 1/x with a relative error below 2^-13 (SDM allows 1.5 * 2^-12). Reads denormals as zero,
   * flushes tiny results to zero, raises nothing.
   */
  public static int reciprocal(int bits) {
    if (SseSingle.isNan(bits)) {
      return bits | 0x40_0000;
    }
    float x = Float.intBitsToFloat(bits);
    int sign = bits & 0x8000_0000;
    if (Math.abs(x) < Float.MIN_NORMAL) {
      return sign | 0x7F80_0000;
    }
    return approximate(sign, 1.0 / Math.abs(x));
  }

  /** RSQRTPS: 1/sqrt(x), as {@link #reciprocal}; the default NaN for negative numbers. */
  public static int reciprocalSqrt(int bits) {
    if (SseSingle.isNan(bits)) {
      return bits | 0x40_0000;
    }
    float x = Float.intBitsToFloat(bits);
    if (Math.abs(x) < Float.MIN_NORMAL) {
      return bits & 0x8000_0000 | 0x7F80_0000;
    }
    return x < 0 ? 0xFFC0_0000 : approximate(0, 1.0 / Math.sqrt(x));
  }

  /** A positive value to 12 bits of fraction; tiny becomes zero. */
  private static int approximate(int sign, double value) {
    int bits = Float.floatToRawIntBits((float) value) + 0x400 & ~0x7FF;
    return bits < 0x80_0000 ? sign : sign | bits;
  }
}
