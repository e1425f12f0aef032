package dev.godwit.clock;

/**
 * Frequencies that the guest sees and that several parts must agree on. All are derived from {@link
 * GuestClock}; the TSC's own is part of the machine's configuration.
 */
public final class Frequencies {
  /**
   * Core crystal clock: CPUID leaf 0x15 ECX, and what the local APIC timer counts before its
   * divider (SDM vol. 3A 11.5.4: the crystal clock where leaf 0x15 enumerates it). 1 GHz, as in
   * KVM's local APIC, so that a machine may change engines; one tick is one guest nanosecond.
   */
  public static final long CRYSTAL_HZ = 1_000_000_000L;

  /** 8254 interval timer: a twelfth of the PC's 14.31818 MHz, rounded as every kernel rounds it. */
  public static final long PIT_HZ = 1_193_182L;

  /** ACPI power management timer (ACPI 6.5 §4.8.2.1). */
  public static final long PM_TIMER_HZ = 3_579_545L;

  /** HPET main counter: a period of 10 ns. */
  public static final long HPET_HZ = 100_000_000L;

  private Frequencies() {}
}
