package dev.godwit.cpu.soft.fpu;

import static dev.godwit.cpu.soft.fpu.FloatFlags.DE;
import static dev.godwit.cpu.soft.fpu.FloatFlags.IE;
import static dev.godwit.cpu.soft.fpu.FloatFlags.PE;
import static dev.godwit.cpu.soft.fpu.FloatFlags.TRUNCATE;
import static dev.godwit.cpu.soft.fpu.FloatFlags.ZE;

/**
 * The x87's arithmetic on 80-bit values (SDM vol. 1 ch. 8). A value is its sign and biased exponent
 * in the low 16 bits of an int, and its significand with the explicit integer bit as a long.
 *
 * <p>Every operation leaves its result in {@link #signExponent} and {@link #significand}, its
 * exceptions in {@link #flags} and the rounding direction in {@link #roundedUp}; nothing is
 * allocated. Results are computed as if exceptions were masked, but for the exponent of unmasked
 * over- and underflows; whether the result is stored is up to the caller. Stack faults are too.
 */
public final class Extended {
  /** Real indefinite, the default NaN. */
  public static final int INDEFINITE_SIGN_EXPONENT = 0xFFFF;

  public static final long INDEFINITE_SIGNIFICAND = 0xC000_0000_0000_0000L;

  static final long INTEGER_BIT = Long.MIN_VALUE;
  private static final long QUIET_BIT = 1L << 62;

  /** More than any exponent, for FSCALE. */
  private static final int FAR = 0x2_0000;

  private static final long MAX_BCD = 999_999_999_999_999_999L;

  final SoftFloat soft = new SoftFloat();

  /** Result. */
  public int signExponent;

  public long significand;

  /** Exceptions of the last operation. */
  public int flags;

  /** C1 of the last operation, for an inexact result. */
  public boolean roundedUp;

  /** C0, C2 and C3 as the last operation sets them, at their places in the status word. */
  public int conditions;

  /** Bits 64 to 79 of the packed BCD that {@link #toBcd} makes. */
  public int bcdHigh;

  int rounding;
  int precision = 64;
  int masks = FloatFlags.ALL;

  /**
   * DE of a memory operand that {@link #expandSingle} or {@link #expandDouble} made; the next
   * operation on two operands reports and forgets it.
   */
  private int sourceFlags;

  /** Takes masks, precision and rounding from the control word. */
  public void setControl(int controlWord) {
    masks = controlWord & FloatFlags.ALL;
    rounding = controlWord >> 10 & 3;
    precision =
        switch (controlWord >> 8 & 3) {
          case 0 -> 24;
          case 2 -> 53;
          default -> 64;
        };
  }

  private void begin() {
    flags = 0;
    soft.flags = 0;
    soft.roundedUp = false;
    roundedUp = false;
    conditions = 0;
  }

  /** Delivers the result that {@link #soft} holds. */
  void deliver(int resultPrecision) {
    signExponent = soft.roundExtended(resultPrecision, rounding, masks);
    significand = soft.hi;
    end();
  }

  private void end() {
    flags |= soft.flags;
    roundedUp = soft.roundedUp && (soft.flags & PE) != 0;
  }

  void set(int newSignExponent, long newSignificand) {
    signExponent = newSignExponent;
    significand = newSignificand;
  }

  void setIndefinite() {
    flags |= IE;
    set(INDEFINITE_SIGN_EXPONENT, INDEFINITE_SIGNIFICAND);
  }

  // --- operands -----------------------------------------------------------------------------

  public static boolean isNan(int se, long sig) {
    return (se & 0x7FFF) == 0x7FFF && sig < 0 && sig != INTEGER_BIT;
  }

  static boolean isSignaling(int se, long sig) {
    return isNan(se, sig) && (sig & QUIET_BIT) == 0;
  }

  static boolean isUnsupported(int se, long sig) {
    return (se & 0x7FFF) != 0 && sig >= 0;
  }

  /** Loads one operand; true if it is a NaN or unsupported, and the result is there already. */
  boolean loadOne(int se, long sig) {
    begin();
    if (isUnsupported(se, sig)) {
      setIndefinite();
      return true;
    }
    if (isNan(se, sig)) {
      flags |= (sig & QUIET_BIT) == 0 ? IE : 0;
      set(se, sig | QUIET_BIT);
      return true;
    }
    soft.a.setExtended(se, sig);
    flags |= soft.a.denormal ? DE : 0;
    return false;
  }

  /** Loads two operands; true if the result is there already. */
  boolean loadTwo(int se1, long sig1, int se2, long sig2) {
    begin();
    int inherited = sourceFlags;
    sourceFlags = 0;
    if (isUnsupported(se1, sig1) || isUnsupported(se2, sig2)) {
      setIndefinite();
      return true;
    }
    if (isNan(se1, sig1) || isNan(se2, sig2)) {
      propagate(se1, sig1, se2, sig2);
      return true;
    }
    soft.a.setExtended(se1, sig1);
    soft.b.setExtended(se2, sig2);
    flags |= soft.a.denormal || soft.b.denormal ? DE : inherited;
    return false;
  }

  /**
   * The NaN that two operands yield (SDM vol. 1 table 4-7): a quiet one before a signaling one,
   * then the larger.
   */
  private void propagate(int se1, long sig1, int se2, long sig2) {
    boolean signaling1 = isSignaling(se1, sig1);
    boolean signaling2 = isSignaling(se2, sig2);
    flags |= signaling1 || signaling2 ? IE : 0;
    boolean second;
    if (!isNan(se1, sig1)) {
      second = true;
    } else if (!isNan(se2, sig2)) {
      second = false;
    } else if (signaling1 != signaling2) {
      second = signaling1;
    } else {
      int order = Long.compareUnsigned(sig1, sig2);
      second = order < 0 || order == 0 && se2 < se1;
    }
    set(second ? se2 : se1, (second ? sig2 : sig1) | QUIET_BIT);
  }

  // --- arithmetic ---------------------------------------------------------------------------

  public void add(int se1, long sig1, int se2, long sig2) {
    if (!loadTwo(se1, sig1, se2, sig2)) {
      soft.add(false, rounding);
      deliver(precision);
    }
  }

  /** First minus second. */
  public void subtract(int se1, long sig1, int se2, long sig2) {
    if (!loadTwo(se1, sig1, se2, sig2)) {
      soft.add(true, rounding);
      deliver(precision);
    }
  }

  public void multiply(int se1, long sig1, int se2, long sig2) {
    if (!loadTwo(se1, sig1, se2, sig2)) {
      soft.multiply();
      deliver(precision);
    }
  }

  /** First by second. */
  public void divide(int se1, long sig1, int se2, long sig2) {
    if (!loadTwo(se1, sig1, se2, sig2)) {
      if (soft.b.kind == Unpacked.ZERO) {
        // Division by zero goes before denormal (SDM vol. 1 4.9.2): ZE only.
        flags = 0;
      }
      soft.divide();
      deliver(precision);
    }
  }

  public void sqrt(int se, long sig) {
    if (!loadOne(se, sig)) {
      if (soft.a.negative) {
        flags = 0;
      }
      soft.sqrt();
      deliver(precision);
    }
  }

  /** FRNDINT. */
  public void roundToIntegral(int se, long sig) {
    if (!loadOne(se, sig)) {
      soft.roundToIntegral(rounding);
      boolean up = soft.roundedUp;
      signExponent = soft.roundExtended(64, rounding, masks);
      significand = soft.hi;
      soft.roundedUp = up;
      end();
    }
  }

  /** FSCALE: first times two to the power of the truncated second. */
  public void scale(int se1, long sig1, int se2, long sig2) {
    if (loadTwo(se1, sig1, se2, sig2)) {
      return;
    }
    Unpacked x = soft.a;
    Unpacked power = soft.b;
    if (power.kind == Unpacked.INFINITE) {
      if (power.negative ? x.kind == Unpacked.INFINITE : x.kind == Unpacked.ZERO) {
        flags = 0;
        setIndefinite();
      } else if (power.negative) {
        set(se1 & 0x8000, 0);
      } else {
        set(se1 & 0x8000 | 0x7FFF, INTEGER_BIT);
      }
      return;
    }
    soft.copy(x);
    if (x.kind == Unpacked.FINITE && power.kind == Unpacked.FINITE && power.exp >= 0) {
      int distance = power.exp > 17 ? FAR : (int) (power.sig >>> 63 - power.exp);
      soft.exp += power.negative ? -distance : distance;
    }
    deliver(64);
  }

  /**
   * FXTRACT's exponent, as an 80-bit number; {@link #extractSignificand} gives the other result.
   */
  public void extractExponent(int se, long sig) {
    if (loadOne(se, sig)) {
      return;
    }
    switch (soft.a.kind) {
      case Unpacked.ZERO -> {
        flags |= ZE;
        set(0xFFFF, INTEGER_BIT);
      }
      case Unpacked.INFINITE -> set(0x7FFF, INTEGER_BIT);
      default -> {
        int savedFlags = flags;
        soft.a.setInteger(soft.a.exp);
        soft.copy(soft.a);
        deliver(64);
        flags = savedFlags;
      }
    }
  }

  /** FXTRACT's significand: the operand with exponent 0. */
  public void extractSignificand(int se, long sig) {
    if (!loadOne(se, sig)) {
      boolean finite = soft.a.kind == Unpacked.FINITE;
      set(finite ? se & 0x8000 | 0x3FFF : se, finite ? soft.a.sig : sig);
    }
  }

  /**
   * FPREM and FPREM1: the partial remainder of first by second. Sets C2 if the reduction is
   * incomplete, else C0, C3 and C1 ({@link #roundedUp}) to bits 2, 1 and 0 of the quotient.
   *
   * @param nearest FPREM1: the quotient is rounded to nearest, not truncated
   */
  public void remainder(int se1, long sig1, int se2, long sig2, boolean nearest) {
    if (loadTwo(se1, sig1, se2, sig2)) {
      return;
    }
    Unpacked x = soft.a;
    Unpacked y = soft.b;
    if (x.kind == Unpacked.INFINITE || y.kind == Unpacked.ZERO) {
      flags = 0;
      setIndefinite();
      return;
    }
    soft.copy(x);
    long quotient = 0;
    if (x.kind == Unpacked.FINITE && y.kind == Unpacked.FINITE) {
      quotient = reduce(x.exp - y.exp, y.sig, nearest);
    }
    deliver(64);
    if (conditions == 0) {
      conditions = (quotient & 4) != 0 ? X87Conditions.C0 : 0;
      conditions |= (quotient & 2) != 0 ? X87Conditions.C3 : 0;
      roundedUp = (quotient & 1) != 0;
    }
  }

  /** Reduces the value in soft by the divisor; gives the quotient's low bits, or sets C2. */
  private long reduce(int distance, long divisor, boolean nearest) {
    if (distance < 0) {
      boolean moreThanHalf = distance == -1 && Long.compareUnsigned(soft.hi, divisor) > 0;
      if (!nearest || !moreThanHalf) {
        return 0;
      }
      // The operand counts half the divisor's units: what is missing to the divisor is 2 * divisor
      // - operand.
      soft.negative = !soft.negative;
      setRest(divisor - soft.hi + divisor, 0);
      return 1;
    }
    int steps = distance;
    if (distance >= 64) {
      // Any reduction of the exponent by 32 to 63 is right (SDM vol. 2, FPREM).
      steps = distance & 31 | 32;
      conditions = X87Conditions.C2;
    }
    long rest = soft.hi;
    long quotient = 0;
    boolean carry = false;
    for (int i = 0; i <= steps; i++) {
      if (i != 0) {
        carry = rest < 0;
        rest <<= 1;
      }
      quotient <<= 1;
      if (carry || Long.compareUnsigned(rest, divisor) >= 0) {
        rest -= divisor;
        quotient |= 1;
      }
    }
    if (nearest && distance < 64) {
      int half = rest < 0 ? 1 : Long.compareUnsigned(rest << 1, divisor);
      if (half > 0 || half == 0 && (quotient & 1) != 0) {
        rest = divisor - rest;
        soft.negative = !soft.negative;
        quotient++;
      }
    }
    setRest(rest, steps);
    return quotient;
  }

  /** The remainder, in units of the first operand's last place, 2^-steps times. */
  private void setRest(long rest, int steps) {
    if (rest == 0) {
      soft.kind = Unpacked.ZERO;
      soft.negative = soft.a.negative;
    } else {
      int shift = Long.numberOfLeadingZeros(rest);
      soft.hi = rest << shift;
      soft.exp = soft.a.exp - steps - shift;
    }
  }

  // --- comparison ---------------------------------------------------------------------------

  /**
   * Compares: C3 equal, C0 less, all of C3, C2, C0 unordered, in {@link #conditions}.
   *
   * @param signalQuiet FCOM and relatives: a quiet NaN is invalid too, FUCOM's are not
   */
  public void compare(int se1, long sig1, int se2, long sig2, boolean signalQuiet) {
    begin();
    boolean unsupported = isUnsupported(se1, sig1) || isUnsupported(se2, sig2);
    if (unsupported || isNan(se1, sig1) || isNan(se2, sig2)) {
      boolean invalid =
          unsupported || signalQuiet || isSignaling(se1, sig1) || isSignaling(se2, sig2);
      flags |= invalid ? IE : 0;
      conditions = X87Conditions.UNORDERED;
      sourceFlags = 0;
      return;
    }
    loadTwo(se1, sig1, se2, sig2);
    int order = soft.compare();
    conditions = order == 0 ? X87Conditions.C3 : order < 0 ? X87Conditions.C0 : 0;
  }

  // --- conversion ---------------------------------------------------------------------------

  /** Widens a single as an operand: as it is, signaling NaNs too. */
  public void expandSingle(int bits) {
    soft.a.setSingle(bits);
    expand(bits < 0);
  }

  /** Widens a double as an operand: as it is, signaling NaNs too. */
  public void expandDouble(long bits) {
    soft.a.setDouble(bits);
    expand(bits < 0);
  }

  /** Forgets what was widened: the instruction ended in a stack fault. */
  public void dropSource() {
    sourceFlags = 0;
  }

  private void expand(boolean negative) {
    int sign = negative ? 0x8000 : 0;
    sourceFlags = soft.a.denormal ? DE : 0;
    switch (soft.a.kind) {
      case Unpacked.ZERO -> set(sign, 0);
      case Unpacked.FINITE -> set(sign | soft.a.exp + 16383, soft.a.sig);
      default -> set(sign | 0x7FFF, soft.a.sig);
    }
  }

  public void fromSingle(int bits) {
    begin();
    if (SseSingle.isNan(bits)) {
      flags |= SseSingle.isSignaling(bits) ? IE : 0;
      set(bits >>> 16 & 0x8000 | 0x7FFF, INTEGER_BIT | QUIET_BIT | (long) bits << 41 >>> 1);
      return;
    }
    soft.a.setSingle(bits);
    fromExact();
  }

  public void fromDouble(long bits) {
    begin();
    if (SseDouble.isNan(bits)) {
      flags |= SseDouble.isSignaling(bits) ? IE : 0;
      set((int) (bits >>> 48) & 0x8000 | 0x7FFF, INTEGER_BIT | QUIET_BIT | bits << 12 >>> 1);
      return;
    }
    soft.a.setDouble(bits);
    fromExact();
  }

  public void fromInteger(long value) {
    begin();
    soft.a.setInteger(value);
    fromExact();
  }

  private void fromExact() {
    flags |= soft.a.denormal ? DE : 0;
    soft.copy(soft.a);
    deliver(64);
  }

  public int toSingle(int se, long sig) {
    begin();
    if (isUnsupported(se, sig)) {
      flags |= IE;
      return 0xFFC0_0000;
    }
    if (isNan(se, sig)) {
      flags |= isSignaling(se, sig) ? IE : 0;
      return (se & 0x8000) << 16 | 0x7FC0_0000 | (int) (sig >>> 40) & 0x3F_FFFF;
    }
    soft.a.setExtended(se, sig);
    soft.copy(soft.a);
    int result = soft.roundSingle(rounding, masks, false);
    end();
    return result;
  }

  public long toDouble(int se, long sig) {
    begin();
    if (isUnsupported(se, sig)) {
      flags |= IE;
      return 0xFFF8_0000_0000_0000L;
    }
    if (isNan(se, sig)) {
      flags |= isSignaling(se, sig) ? IE : 0;
      return (se & 0x8000L) << 48 | 0x7FF8_0000_0000_0000L | sig >>> 11 & 0x7_FFFF_FFFF_FFFFL;
    }
    soft.a.setExtended(se, sig);
    soft.copy(soft.a);
    long result = soft.roundDouble(rounding, masks, false);
    end();
    return result;
  }

  /**
   * FIST and relatives.
   *
   * @param bits 16, 32 or 64
   * @param truncate FISTTP
   */
  public long toInteger(int se, long sig, int bits, boolean truncate) {
    begin();
    soft.a.setExtended(se, sig);
    long result = soft.roundToInteger(truncate ? TRUNCATE : rounding, bits);
    end();
    return result;
  }

  /** FBSTP: returns the low 16 digits; {@link #bcdHigh} gets the sign and two more. */
  public long toBcd(int se, long sig) {
    begin();
    soft.a.setExtended(se, sig);
    long value = soft.roundToInteger(rounding, 64);
    if (soft.invalid || Math.abs(value) > MAX_BCD || value == Long.MIN_VALUE) {
      roundedUp = false;
      flags = IE;
      bcdHigh = 0xFFFF;
      return 0xC000_0000_0000_0000L;
    }
    end();
    long digits = 0;
    long rest = Math.abs(value);
    for (int shift = 0; shift < 64; shift += 4) {
      digits |= rest % 10 << shift;
      rest /= 10;
    }
    bcdHigh = (int) (rest % 10 | rest / 10 << 4) | (soft.a.negative ? 0x8000 : 0);
    return digits;
  }

  /** FBLD: from the low 8 bytes and the top two of packed BCD. */
  public void fromBcd(long low, int high) {
    begin();
    long value = (high >> 4 & 15) * 10L + (high & 15);
    for (int shift = 60; shift >= 0; shift -= 4) {
      value = value * 10 + (low >>> shift & 15);
    }
    soft.a.setInteger(value);
    soft.a.negative = (high & 0x8000) != 0;
    soft.copy(soft.a);
    deliver(64);
  }
}
