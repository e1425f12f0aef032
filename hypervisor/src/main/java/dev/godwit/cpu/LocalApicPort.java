package dev.godwit.cpu;

/**
 * A vCPU's side of its local APIC (SDM vol. 3A ch. 11).
 *
 * <p>Called by the vCPU's thread. Other threads change the APIC's state at any time and then {@link
 * Vcpu#wake} the vCPU.
 */
public interface LocalApicPort {
  /** Bytes of the register page. */
  int PAGE_BYTES = 4096;

  /**
   * Says whether a maskable interrupt could be delivered now, by APIC priority or as ExtINT from
   * the PIC. Cheap: one volatile read when nothing is pending.
   */
  boolean hasInterrupt();

  /**
   * Takes the interrupt (IRR to ISR, or a PIC INTA cycle) and returns its vector, or -1 if it has
   * gone meanwhile.
   */
  int acknowledgeInterrupt();

  /**
   * Takes the next pending event of those that ignore RFLAGS.IF: NMI, INIT, SIPI; {@link
   * ApicEvent.None} if none.
   */
  ApicEvent takeEvent();

  /** Says whether {@link #takeEvent} would return something. */
  boolean hasEvent();

  /**
   * Says whether {@link #takeEvent} would return INIT or SIPI, which nothing blocks but the
   * instruction under way; an NMI waits while NMIs are blocked.
   */
  boolean hasInitOrSipi();

  /** Reads the register page, 32-bit aligned offset. */
  int readRegister(int offset);

  /** Writes the register page, 32-bit aligned offset. */
  void writeRegister(int offset, int value);

  /** Returns IA32_APIC_BASE (MSR 0x1B). */
  long apicBase();

  /** Sets IA32_APIC_BASE; returns false where a real CPU raises #GP. */
  boolean setApicBase(long value);

  /** Returns IA32_TSC_DEADLINE (MSR 0x6E0), 0 when disarmed. */
  long tscDeadline();

  /** Sets IA32_TSC_DEADLINE, in TSC ticks of this vCPU minus {@code tscAdjust}. */
  void setTscDeadline(long deadlineTicks);

  /** Returns CR8: the task priority class, 0–15. */
  int cr8();

  /** Sets CR8, 0–15. */
  void setCr8(int value);
}
