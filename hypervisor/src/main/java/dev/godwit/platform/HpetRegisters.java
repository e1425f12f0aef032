package dev.godwit.platform;

import dev.godwit.clock.Frequencies;

/** Offsets and bits of the HPET's registers (IA-PC HPET 1.0a §2.3). */
final class HpetRegisters {
  static final int BYTES = 0x400;
  static final int TIMERS = 3;

  static final int CAPABILITIES = 0x000;
  static final int CONFIGURATION = 0x010;
  static final int STATUS = 0x020;
  static final int COUNTER = 0x0F0;
  static final int FIRST_TIMER = 0x100;
  static final int TIMER_STRIDE = 0x20;

  // Within a timer's block.
  static final int TIMER_CONFIGURATION = 0x00;
  static final int TIMER_COMPARATOR = 0x08;
  static final int TIMER_FSB_ROUTE = 0x10;

  /**
   * Low word of the capabilities, which the ACPI table repeats: revision 1, three comparators, 64
   * bits, legacy replacement, Intel.
   */
  static final int BLOCK_ID = 0x8086A201;

  private static final long FEMTOSECONDS = 1_000_000_000_000_000L;
  static final long CAPABILITIES_VALUE =
      FEMTOSECONDS / Frequencies.HPET_HZ << 32 | BLOCK_ID & 0xFFFFFFFFL;

  static final int ENABLED = 1;
  static final int LEGACY_REPLACEMENT = 2;
  static final int CONFIGURATION_WRITABLE = ENABLED | LEGACY_REPLACEMENT;

  // A timer's configuration.
  static final int LEVEL = 1 << 1;
  static final int INTERRUPT_ENABLED = 1 << 2;
  static final int PERIODIC = 1 << 3;
  static final int SET_ACCUMULATOR = 1 << 6;
  static final int FORCED_32_BIT = 1 << 8;
  static final int FSB_ENABLED = 1 << 14;
  static final int TIMER_WRITABLE = 0x7F4E;

  /**
   * GSIs that a timer may be routed to: those of the IDE controllers that this board does not have.
   */
  static final int ROUTES = 1 << 14 | 1 << 15;

  /** Periodic, 64-bit and FSB capable. */
  static final long TIMER_CAPABILITIES = (long) ROUTES << 32 | 0x8030;

  private HpetRegisters() {}

  /** Returns the GSI that a timer's configuration asks for. */
  static int route(int configuration) {
    return configuration >>> 9 & 0x1F;
  }
}
