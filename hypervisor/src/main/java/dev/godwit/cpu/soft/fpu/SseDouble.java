package dev.godwit.cpu.soft.fpu;

/**
 * SSE arithmetic on one double-precision lane, as bits. Flags go to {@link SseControl}.
 *
 * <p>With rounding to nearest and PE already flagged, results that are normal numbers come from
 * Java's own arithmetic, which is IEEE 754 round to nearest even (JLS 15.4); everything else from
 * {@link SoftFloat}. NaNs propagate as SDM vol. 1 table 4-7 says: the first operand that is a NaN,
 * quieted.
 */
public final class SseDouble {
  private static final long SIGN = Long.MIN_VALUE;
  private static final long INFINITY = 0x7FF0_0000_0000_0000L;
  private static final long QUIET = 0x8_0000_0000_0000L;

  private final SseControl control;
  private final SoftFloat soft;

  public SseDouble(SseControl control) {
    this.control = control;
    this.soft = control.soft;
  }

  public long add(long x, long y) {
    long r = Double.doubleToRawLongBits(Double.longBitsToDouble(x) + Double.longBitsToDouble(y));
    return control.quick() && plain(x) && plain(y) && (normal(r) || r == 0)
        ? r
        : addExact(x, y, false);
  }

  public long subtract(long x, long y) {
    long r = Double.doubleToRawLongBits(Double.longBitsToDouble(x) - Double.longBitsToDouble(y));
    return control.quick() && plain(x) && plain(y) && (normal(r) || r == 0)
        ? r
        : addExact(x, y, true);
  }

  public long multiply(long x, long y) {
    long r = Double.doubleToRawLongBits(Double.longBitsToDouble(x) * Double.longBitsToDouble(y));
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

  public long divide(long x, long y) {
    long r = Double.doubleToRawLongBits(Double.longBitsToDouble(x) / Double.longBitsToDouble(y));
    if (control.quick() && plain(x) && plain(y) && normal(r)) {
      return r;
    }
    if (eitherNan(x, y)) {
      return propagate(x, y);
    }
    soft.a.setDouble(x);
    soft.b.setDouble(y);
    control.denormals(soft.b);
    if (soft.b.kind == Unpacked.ZERO && !control.denormalsAreZero()) {
      // Division by zero goes before denormal: ZE only.
      soft.a.denormal = false;
    }
    control.denormals(soft.a);
    soft.divide();
    return take();
  }

  public long sqrt(long x) {
    long r = Double.doubleToRawLongBits(Math.sqrt(Double.longBitsToDouble(x)));
    if (control.quick() && plain(x) && normal(r)) {
      return r;
    }
    if (isNan(x)) {
      return propagate(x, x);
    }
    soft.a.setDouble(x);
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
  public long round(long x, int mode) {
    if (isNan(x)) {
      return propagate(x, x);
    }
    soft.a.setDouble(x);
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
  public long min(long x, long y) {
    if (eitherNan(x, y)) {
      control.flags |= FloatFlags.IE;
      return isDenormal(y) && control.denormalsAreZero() ? y & SIGN : y;
    }
    long a = flush(x);
    long b = flush(y);
    return Double.longBitsToDouble(a) < Double.longBitsToDouble(b) ? a : b;
  }

  /**
   * MAXPx: the second operand if either is a NaN or both are zero; DAZ applies to what is returned.
   */
  public long max(long x, long y) {
    if (eitherNan(x, y)) {
      control.flags |= FloatFlags.IE;
      return isDenormal(y) && control.denormalsAreZero() ? y & SIGN : y;
    }
    long a = flush(x);
    long b = flush(y);
    return Double.longBitsToDouble(a) > Double.longBitsToDouble(b) ? a : b;
  }

  /**
   * CMPPx.
   *
   * @param predicate 0 EQ, 1 LT, 2 LE, 3 UNORD, 4 NEQ, 5 NLT, 6 NLE, 7 ORD
   * @return all ones if it holds, else 0
   */
  public long compare(long x, long y, int predicate) {
    boolean holds;
    int basic = predicate & 3;
    if (eitherNan(x, y)) {
      boolean signalsQuiet = basic == 1 || basic == 2;
      if (signalsQuiet || isSignaling(x) || isSignaling(y)) {
        control.flags |= FloatFlags.IE;
      }
      holds = basic == 3;
    } else {
      double a = Double.longBitsToDouble(flush(x));
      double b = Double.longBitsToDouble(flush(y));
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
  public int order(long x, long y, boolean signalQuiet) {
    if (eitherNan(x, y)) {
      if (signalQuiet || isSignaling(x) || isSignaling(y)) {
        control.flags |= FloatFlags.IE;
      }
      return 0x45;
    }
    double a = Double.longBitsToDouble(flush(x));
    double b = Double.longBitsToDouble(flush(y));
    return a > b ? 0 : a < b ? 1 : 0x40;
  }

  static boolean isNan(long x) {
    return (x & ~SIGN) > INFINITY;
  }

  static boolean isSignaling(long x) {
    return isNan(x) && (x & QUIET) == 0;
  }

  private static boolean eitherNan(long x, long y) {
    return isNan(x) || isNan(y);
  }

  private static boolean isDenormal(long x) {
    return (x & INFINITY) == 0 && (x & ~SIGN) != 0;
  }

  /** Zero or not denormal. */
  private static boolean plain(long x) {
    return (x & INFINITY) != 0 || (x & ~SIGN) == 0;
  }

  /** A normal number that is not the smallest, to which a tiny result may have been rounded. */
  private static boolean normal(long x) {
    long exponent = x & INFINITY;
    return exponent != INFINITY && exponent > 0x10_0000_0000_0000L;
  }

  private long addExact(long x, long y, boolean subtract) {
    if (eitherNan(x, y)) {
      return propagate(x, y);
    }
    load(x, y);
    soft.add(subtract, control.rounding());
    return take();
  }

  private void load(long x, long y) {
    soft.a.setDouble(x);
    soft.b.setDouble(y);
    control.denormals(soft.a);
    control.denormals(soft.b);
  }

  private long take() {
    return control.takeDouble();
  }

  private long propagate(long x, long y) {
    if (isSignaling(x) || isSignaling(y)) {
      control.flags |= FloatFlags.IE;
    }
    return (isNan(x) ? x : y) | QUIET;
  }

  /** The operand of a comparison: DAZ, or DE. */
  private long flush(long x) {
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
