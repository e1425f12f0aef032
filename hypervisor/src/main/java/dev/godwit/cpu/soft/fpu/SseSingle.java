package dev.godwit.cpu.soft.fpu;

/**
 * SSE arithmetic on one single-precision lane, as bits. Flags go to {@link SseControl}.
 *
 * <p>With rounding to nearest and PE already flagged, results that are normal numbers come from
 * Java's own arithmetic, which is IEEE 754 round to nearest even (JLS 15.4); everything else from
 * {@link SoftFloat}. NaNs propagate as SDM vol. 1 table 4-7 says: the first operand that is a NaN,
 * quieted.
 */
public final class SseSingle {
  private static final int SIGN = Integer.MIN_VALUE;
  private static final int INFINITY = 0x7F80_0000;
  private static final int QUIET = 0x40_0000;

  private final SseControl control;
  private final SoftFloat soft;

  public SseSingle(SseControl control) {
    this.control = control;
    this.soft = control.soft;
  }

  public int add(int x, int y) {
    int r = Float.floatToRawIntBits(Float.intBitsToFloat(x) + Float.intBitsToFloat(y));
    return control.quick() && plain(x) && plain(y) && (normal(r) || r == 0)
        ? r
        : addExact(x, y, false);
  }

  public int subtract(int x, int y) {
    int r = Float.floatToRawIntBits(Float.intBitsToFloat(x) - Float.intBitsToFloat(y));
    return control.quick() && plain(x) && plain(y) && (normal(r) || r == 0)
        ? r
        : addExact(x, y, true);
  }

  public int multiply(int x, int y) {
    int r = Float.floatToRawIntBits(Float.intBitsToFloat(x) * Float.intBitsToFloat(y));
    if (control.quick() && plain(x) && plain(y) && normal(r)) {
      return r;
    }
    if (eitherNan(x, y)) {
      return propagate(x, y);
    }
    load(x, y);
    soft.multiply();
    return take();
  }

  public int divide(int x, int y) {
    int r = Float.floatToRawIntBits(Float.intBitsToFloat(x) / Float.intBitsToFloat(y));
    if (control.quick() && plain(x) && plain(y) && normal(r)) {
      return r;
    }
    if (eitherNan(x, y)) {
      return propagate(x, y);
    }
    soft.a.setSingle(x);
    soft.b.setSingle(y);
    control.denormals(soft.b);
    if (soft.b.kind == Unpacked.ZERO && !control.denormalsAreZero()) {
      // Division by zero goes before denormal: ZE only.
      soft.a.denormal = false;
    }
    control.denormals(soft.a);
    soft.divide();
    return take();
  }

  public int sqrt(int x) {
    int r = Float.floatToRawIntBits((float) Math.sqrt(Float.intBitsToFloat(x)));
    if (control.quick() && plain(x) && normal(r)) {
      return r;
    }
    if (isNan(x)) {
      return propagate(x, x);
    }
    soft.a.setSingle(x);
    if (soft.a.negative && soft.a.kind == Unpacked.FINITE && !control.denormalsAreZero()) {
      // Invalid goes before denormal: a negative denormal raises IE only.
      soft.a.denormal = false;
    }
    control.denormals(soft.a);
    soft.sqrt();
    return take();
  }

  /**
   * ROUNDxx.
   *
   * @param mode the immediate: rounding in bits 0 and 1 unless bit 2 chooses MXCSR's; bit 3
   *     suppresses PE
   */
  public int round(int x, int mode) {
    if (isNan(x)) {
      return propagate(x, x);
    }
    soft.a.setSingle(x);
    if (control.denormalsAreZero()) {
      soft.a.flushDenormal();
    }
    soft.roundToIntegral((mode & 4) != 0 ? control.rounding() : mode & 3);
    if ((mode & 8) != 0) {
      soft.flags = 0;
    }
    return take();
  }

  /**
   * MINPx: the second operand if either is a NaN or both are zero; DAZ applies to what is returned.
   */
  public int min(int x, int y) {
    if (eitherNan(x, y)) {
      control.flags |= FloatFlags.IE;
      return isDenormal(y) && control.denormalsAreZero() ? y & SIGN : y;
    }
    int a = flush(x);
    int b = flush(y);
    return Float.intBitsToFloat(a) < Float.intBitsToFloat(b) ? a : b;
  }

  /**
   * MAXPx: the second operand if either is a NaN or both are zero; DAZ applies to what is returned.
   */
  public int max(int x, int y) {
    if (eitherNan(x, y)) {
      control.flags |= FloatFlags.IE;
      return isDenormal(y) && control.denormalsAreZero() ? y & SIGN : y;
    }
    int a = flush(x);
    int b = flush(y);
    return Float.intBitsToFloat(a) > Float.intBitsToFloat(b) ? a : b;
  }

  /**
   * CMPPx.
   *
   * @param predicate 0 EQ, 1 LT, 2 LE, 3 UNORD, 4 NEQ, 5 NLT, 6 NLE, 7 ORD
   * @return all ones if it holds, else 0
   */
  public int compare(int x, int y, int predicate) {
    boolean holds;
    int basic = predicate & 3;
    if (eitherNan(x, y)) {
      boolean signalsQuiet = basic == 1 || basic == 2;
      if (signalsQuiet || isSignaling(x) || isSignaling(y)) {
        control.flags |= FloatFlags.IE;
      }
      holds = basic == 3;
    } else {
      float a = Float.intBitsToFloat(flush(x));
      float b = Float.intBitsToFloat(flush(y));
      holds =
          switch (basic) {
            case 0 -> a == b;
            case 1 -> a < b;
            case 2 -> a <= b;
            default -> false;
          };
    }
    return holds ^ (predicate & 4) != 0 ? -1 : 0;
  }

  /**
   * COMISx and UCOMISx.
   *
   * @param signalQuiet COMISx: a quiet NaN is invalid too
   * @return ZF, PF and CF as in RFLAGS: unordered 45h, greater 0, less 1, equal 40h
   */
  public int order(int x, int y, boolean signalQuiet) {
    if (eitherNan(x, y)) {
      if (signalQuiet || isSignaling(x) || isSignaling(y)) {
        control.flags |= FloatFlags.IE;
      }
      return 0x45;
    }
    float a = Float.intBitsToFloat(flush(x));
    float b = Float.intBitsToFloat(flush(y));
    return a > b ? 0 : a < b ? 1 : 0x40;
  }

  static boolean isNan(int x) {
    return (x & ~SIGN) > INFINITY;
  }

  static boolean isSignaling(int x) {
    return isNan(x) && (x & QUIET) == 0;
  }

  private static boolean eitherNan(int x, int y) {
    return isNan(x) || isNan(y);
  }

  private static boolean isDenormal(int x) {
    return (x & INFINITY) == 0 && (x & ~SIGN) != 0;
  }

  /** Zero or not denormal. */
  private static boolean plain(int x) {
    return (x & INFINITY) != 0 || (x & ~SIGN) == 0;
  }

  /** A normal number that is not the smallest, to which a tiny result may have been rounded. */
  private static boolean normal(int x) {
    int exponent = x & INFINITY;
    return exponent != INFINITY && exponent > 0x80_0000;
  }

  private int addExact(int x, int y, boolean subtract) {
    if (eitherNan(x, y)) {
      return propagate(x, y);
    }
    load(x, y);
    soft.add(subtract, control.rounding());
    return take();
  }

  private void load(int x, int y) {
    soft.a.setSingle(x);
    soft.b.setSingle(y);
    control.denormals(soft.a);
    control.denormals(soft.b);
  }

  private int take() {
    return control.takeSingle();
  }

  private int propagate(int x, int y) {
    if (isSignaling(x) || isSignaling(y)) {
      control.flags |= FloatFlags.IE;
    }
    return (isNan(x) ? x : y) | QUIET;
  }

  /** The operand of a comparison: DAZ, or DE. */
  private int flush(int x) {
    if (!isDenormal(x)) {
      return x;
    }
    if (control.denormalsAreZero()) {
      return x & SIGN;
    }
    control.flags |= FloatFlags.DE;
    return x;
  }
}
