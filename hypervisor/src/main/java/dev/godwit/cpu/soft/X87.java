package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.Extended;
import dev.godwit.cpu.soft.fpu.FloatFlags;
import dev.godwit.cpu.soft.fpu.Transcendental;
import dev.godwit.cpu.soft.fpu.X87Conditions;

/**
 * The x87's registers, its stack and its exceptions (SDM vol. 1 ch. 8); the MMX registers are the
 * same ones.
 *
 * <p>Registers are kept by physical number; ST(i) is physical (TOP + i) mod 8. Which are empty is
 * one bit each, as FXSAVE has it; the full tag word is computed when something asks for it.
 */
final class X87 {
  static final int ES = 1 << 7;
  static final int STACK_FAULT = 1 << 6;
  static final int BUSY = 1 << 15;
  static final int CONDITIONS =
      X87Conditions.C0 | X87Conditions.C1 | X87Conditions.C2 | X87Conditions.C3;
  static final int C1 = X87Conditions.C1;

  private static final int INITIAL_CONTROL = 0x37F;
  private static final int RESET_CONTROL = 0x40;
  private static final int TOP_SHIFT = 11;
  private static final int TOP_BITS = 7 << TOP_SHIFT;
  private static final long CR0_MP = 1 << 1;
  private static final long CR0_EM = 1 << 2;
  private static final long CR0_TS = 1 << 3;
  private static final long CR0_NE = 1 << 5;

  final Extended math = new Extended();
  final Transcendental functions = new Transcendental(math);

  private final long[] significand = new long[8];
  private final int[] signExponent = new int[8];
  private int control;
  private int status;
  private int top;
  private int valid;

  /** The low 11 bits of the last instruction's opcode. */
  int opcode;

  /** Offset of the last instruction that was not a control instruction. */
  long instructionPointer;

  /** Offset of its memory operand. */
  long dataPointer;

  X87() {
    reset();
  }

  /** The state after RESET (SDM vol. 3A table 11-1): registers +0.0 and not empty. */
  void reset() {
    for (int i = 0; i < 8; i++) {
      significand[i] = 0;
      signExponent[i] = 0;
    }
    setControl(RESET_CONTROL);
    status = 0;
    top = 0;
    valid = 0xFF;
    clearPointers();
  }

  /** FNINIT. */
  void init() {
    setControl(INITIAL_CONTROL);
    status = 0;
    top = 0;
    valid = 0;
    clearPointers();
  }

  private void clearPointers() {
    opcode = 0;
    instructionPointer = 0;
    dataPointer = 0;
  }

  // --- control, status, tags
  // ----------------------------------------------------------------------

  int control() {
    return control;
  }

  /** FLDCW: also decides anew whether an exception is pending. */
  void setControl(int value) {
    control = value & 0x1F7F | 0x40;
    math.setControl(control);
    updateSummary();
  }

  /** Returns the status word with TOP. */
  int status() {
    return status | top << TOP_SHIFT;
  }

  /** Sets the status word with TOP; the summary bits follow from flags and masks. */
  void setStatus(int value) {
    status = value & ~TOP_BITS & 0xFFFF;
    top = value >> TOP_SHIFT & 7;
    updateSummary();
  }

  private void updateSummary() {
    boolean pending = (status & ~control & FloatFlags.ALL) != 0;
    status = pending ? status | ES | BUSY : status & ~(ES | BUSY);
  }

  /** FNCLEX. */
  void clearExceptions() {
    status &= ~(FloatFlags.ALL | STACK_FAULT | ES | BUSY);
  }

  /** Returns one bit for each physical register that is not empty. */
  int validBits() {
    return valid;
  }

  void setValidBits(int bits) {
    valid = bits & 0xFF;
  }

  /**
   * Returns the tag word: 0 valid, 1 zero, 2 special, 3 empty, two bits for each physical register.
   */
  int tagWord() {
    int word = 0;
    for (int i = 0; i < 8; i++) {
      word |= tag(i) << 2 * i;
    }
    return word;
  }

  private int tag(int physical) {
    if ((valid >> physical & 1) == 0) {
      return 3;
    }
    int biased = signExponent[physical] & 0x7FFF;
    if (biased == 0 && significand[physical] == 0) {
      return 1;
    }
    return biased == 0 || biased == 0x7FFF || significand[physical] >= 0 ? 2 : 0;
  }

  /** Takes from a tag word which registers are empty. */
  void setTagWord(int word) {
    valid = 0;
    for (int i = 0; i < 8; i++) {
      if ((word >> 2 * i & 3) != 3) {
        valid |= 1 << i;
      }
    }
  }

  // --- checks before an instruction ------------------------------------------------------------

  /** Throws #NM if the unit is not available. */
  static void checkAvailable(SoftCpu c) {
    if ((c.cr0 & (CR0_EM | CR0_TS)) != 0) {
      throw GuestFault.of(GuestFault.NM);
    }
  }

  /** WAIT's own condition for #NM. */
  static void checkWait(SoftCpu c) {
    if ((c.cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) {
      throw GuestFault.of(GuestFault.NM);
    }
  }

  /**
   * Throws #MF for a pending unmasked exception. With CR0.NE clear nothing is raised: FERR# and IRQ
   * 13 are not wired, as if IGNNE# were asserted.
   */
  void checkPending(SoftCpu c) {
    if ((status & ES) != 0 && (c.cr0 & CR0_NE) != 0) {
      throw GuestFault.of(GuestFault.MF);
    }
  }

  // --- registers ------------------------------------------------------------------------------

  int physical(int i) {
    return top + i & 7;
  }

  boolean isEmpty(int i) {
    return (valid >> physical(i) & 1) == 0;
  }

  /** Returns the sign and exponent of ST(i). */
  int se(int i) {
    return signExponent[physical(i)];
  }

  /** Returns the significand of ST(i). */
  long sig(int i) {
    return significand[physical(i)];
  }

  /** Sets ST(i) and makes it valid. */
  void set(int i, int se, long sig) {
    int p = physical(i);
    signExponent[p] = se & 0xFFFF;
    significand[p] = sig;
    valid |= 1 << p;
  }

  /** Sets the bits of ST(i), empty or not. */
  void load(int i, int se, long sig) {
    signExponent[physical(i)] = se & 0xFFFF;
    significand[physical(i)] = sig;
  }

  /** Marks ST(i) empty. */
  void free(int i) {
    valid &= ~(1 << physical(i));
  }

  void pop() {
    free(0);
    top = top + 1 & 7;
  }

  void push(int se, long sig) {
    top = top - 1 & 7;
    set(0, se, sig);
  }

  void rotate(int by) {
    top = top + by & 7;
  }

  /** Returns an MMX register. */
  long mmx(int register) {
    return significand[register];
  }

  /** Sets an MMX register: the exponent field becomes all ones. */
  void setMmx(int register, long value) {
    significand[register] = value;
    signExponent[register] = 0xFFFF;
  }

  /** What every MMX instruction but EMMS does to the stack. */
  void enterMmx() {
    top = 0;
    valid = 0xFF;
  }

  /** EMMS. Processors reset TOP as well, though the manual speaks of the tags only. */
  void emptyAll() {
    top = 0;
    valid = 0;
  }

  // --- exceptions -----------------------------------------------------------------------------

  /**
   * Takes the exceptions of an operation into the status word.
   *
   * @param flags of the operation
   * @param roundedUp for C1
   * @return whether the result is to be stored: not if an unmasked exception came before it
   */
  boolean accept(int flags, boolean roundedUp) {
    int unmasked = flags & ~control;
    boolean store = (unmasked & FloatFlags.BEFORE_RESULT) == 0;
    int raised = store ? flags : flags & FloatFlags.BEFORE_RESULT;
    status = status & ~C1 | raised | (roundedUp && store ? C1 : 0);
    if (unmasked != 0) {
      status |= ES | BUSY;
    }
    return store;
  }

  /** As {@link #accept} with the flags and the rounding of the last operation of {@link #math}. */
  boolean accept() {
    return accept(math.flags, math.roundedUp);
  }

  /**
   * Takes in a stack overflow or underflow; tells whether it is masked, so that the indefinite
   * value is the result.
   */
  boolean stackFault(boolean overflow) {
    boolean masked = accept(FloatFlags.IE, false);
    status |= STACK_FAULT | (overflow ? C1 : 0);
    return masked;
  }

  void setConditions(int conditions) {
    status = status & ~(X87Conditions.C0 | X87Conditions.C2 | X87Conditions.C3) | conditions;
  }

  void setC1(boolean value) {
    status = value ? status | C1 : status & ~C1;
  }
}
