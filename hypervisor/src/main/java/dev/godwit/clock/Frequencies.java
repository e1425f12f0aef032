package dev.godwit.clock;

import java.util.Optional;

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

  /**
   * Linux multiplies kHz of the crystal by the numerator in 32 bits, so a greater one would give it
   * a wrong TSC frequency.
   */
  private static final long MAX_NUMERATOR = 0xFFFF_FFFFL / (CRYSTAL_HZ / 1000);

  /**
   * TSC ticks for each tick of the crystal clock, as CPUID leaf 0x15 tells them.
   *
   * @param numerator EBX
   * @param denominator EAX
   */
  public record CrystalRatio(int numerator, int denominator) {}

  /**
   * Returns the ratio of a TSC to the crystal clock in lowest terms; empty if no kernel could use
   * it, so that it had better measure the TSC itself.
   *
   * @param tscHz ticks a second of the TSC, positive
   */
  public static Optional<CrystalRatio> crystalRatio(long tscHz) {
    long divisor = greatestCommonDivisor(tscHz, CRYSTAL_HZ);
    long numerator = tscHz / divisor;
    return numerator > MAX_NUMERATOR
        ? Optional.empty()
        : Optional.of(new CrystalRatio((int) numerator, (int) (CRYSTAL_HZ / divisor)));
  }

  private static long greatestCommonDivisor(long a, long b) {
    return b == 0 ? a : greatestCommonDivisor(b, a % b);
  }

  private Frequencies() {}
}
