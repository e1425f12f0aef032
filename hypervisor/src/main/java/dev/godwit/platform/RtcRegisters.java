package dev.godwit.platform;

/**
 * Indices and bits of the MC146818A's registers (Motorola data sheet), and the PC's use of its
 * memory.
 */
final class RtcRegisters {
  static final int BYTES = 128;

  static final int SECONDS = 0x00;
  static final int SECONDS_ALARM = 0x01;
  static final int MINUTES = 0x02;
  static final int MINUTES_ALARM = 0x03;
  static final int HOURS = 0x04;
  static final int HOURS_ALARM = 0x05;
  static final int DAY_OF_WEEK = 0x06;
  static final int DAY_OF_MONTH = 0x07;
  static final int MONTH = 0x08;
  static final int YEAR = 0x09;
  static final int A = 0x0A;
  static final int B = 0x0B;
  static final int C = 0x0C;
  static final int D = 0x0D;

  /** Where the FADT says the century is. */
  static final int CENTURY = 0x32;

  // Memory sizes: base in KiB, extended in KiB, above 16 MiB and above 4 GiB in 64 KiB.
  static final int BASE_MEMORY = 0x15;
  static final int EXTENDED_MEMORY = 0x17;
  static final int EXTENDED_MEMORY_COPY = 0x30;
  static final int MEMORY_ABOVE_16_MIB = 0x34;
  static final int MEMORY_ABOVE_4_GIB = 0x5B;

  static final int A_UPDATE_IN_PROGRESS = 0x80;
  static final int A_DIVIDER = 0x70;

  /** From this divider setting on the divider is held in reset. */
  static final int A_DIVIDER_RESET = 0x60;

  static final int A_RATE = 0x0F;

  static final int B_INHIBIT = 0x80;
  static final int B_BINARY = 0x04;
  static final int B_24_HOURS = 0x02;

  /** Interrupt enables of register B, at the places of their flags in register C. */
  static final int INTERRUPTS = 0x70;

  static final int PERIODIC = 0x40;
  static final int ALARM = 0x20;
  static final int UPDATE = 0x10;
  static final int C_REQUEST = 0x80;
  static final int D_VALID = 0x80;

  static final int ALARM_ANY = 0xC0;
  static final int PM = 0x80;

  private RtcRegisters() {}

  /** Says whether the clock keeps this register. */
  static boolean isTime(int index) {
    return switch (index) {
      case SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DAY_OF_MONTH, MONTH, YEAR, CENTURY -> true;
      default -> false;
    };
  }
}
