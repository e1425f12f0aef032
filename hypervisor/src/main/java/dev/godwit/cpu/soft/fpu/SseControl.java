package dev.godwit.cpu.soft.fpu;

/**
 * MXCSR (SDM vol. 1 10.2.3) and the exceptions of the SSE instruction at hand.
 *
 * <p>An instruction computes all its lanes, then calls {@link #commit}; if that says that an
 * unmasked exception occurred, it must leave its destination alone and raise #XM.
 */
public final class SseControl {
  /** MXCSR after reset (SDM vol. 3A 11.1, table 11-1). */
  public static final int RESET = 0x1F80;

  /** The bits that exist: all 16, DAZ included. Others set by LDMXCSR or FXRSTOR raise #GP(0). */
  public static final int VALID_BITS = 0xFFFF;

  private static final int DAZ = 1 << 6;
  private static final int MASKS_SHIFT = 7;
  private static final int RC_SHIFT = 13;
  private static final int FTZ = 1 << 15;

  /**
   * PE already flagged and masked, and rounding to nearest: then exact Java arithmetic suffices.
   */
  private static final int QUICK_BITS =
      3 << RC_SHIFT | FloatFlags.PE << MASKS_SHIFT | FloatFlags.PE;

  private static final int QUICK_VALUE = FloatFlags.PE << MASKS_SHIFT | FloatFlags.PE;

  final SoftFloat soft = new SoftFloat();

  /** Exceptions of the current instruction, all lanes. */
  int flags;

  private int mxcsr = RESET;
  private boolean quick;

  public int mxcsr() {
    return mxcsr;
  }

  /** Sets MXCSR; the caller has refused bits outside {@link #VALID_BITS}. */
  public void setMxcsr(int value) {
    mxcsr = value;
    quick = (value & QUICK_BITS) == QUICK_VALUE;
  }

  /**
   * Adds the flags of the instruction to MXCSR.
   *
   * @return whether one of them is unmasked: the instruction must fault with #XM
   */
  public boolean commit() {
    return flags != 0 && commitFlags();
  }

  private boolean commitFlags() {
    int raised = flags;
    flags = 0;
    int unmasked = raised & ~masks();
    if ((unmasked & FloatFlags.BEFORE_RESULT) != 0) {
      raised &= FloatFlags.BEFORE_RESULT;
    }
    setMxcsr(mxcsr | raised);
    return unmasked != 0;
  }

  /** Whether an operation on normal numbers with a normal result can change no flag. */
  boolean quick() {
    return quick;
  }

  int rounding() {
    return mxcsr >> RC_SHIFT & 3;
  }

  int masks() {
    return mxcsr >> MASKS_SHIFT & FloatFlags.ALL;
  }

  boolean denormalsAreZero() {
    return (mxcsr & DAZ) != 0;
  }

  boolean flushToZero() {
    return (mxcsr & FTZ) != 0;
  }

  /** Prepares loaded operands: DAZ, or DE for a denormal. */
  void denormals(Unpacked x) {
    if (x.denormal) {
      if (denormalsAreZero()) {
        x.flushDenormal();
      } else {
        flags |= FloatFlags.DE;
      }
    }
  }

  /** Delivers what {@link #soft} computed, as a double, and takes over its flags. */
  long takeDouble() {
    long result = soft.roundDouble(rounding(), masks(), flushToZero());
    takeFlags();
    return result;
  }

  /** Delivers what {@link #soft} computed, as a single, and takes over its flags. */
  int takeSingle() {
    int result = soft.roundSingle(rounding(), masks(), flushToZero());
    takeFlags();
    return result;
  }

  void takeFlags() {
    flags |= soft.flags;
    soft.flags = 0;
  }
}
