package dev.godwit.platform;

/**
 * Offsets and bits of the local APIC's register page (SDM vol. 3A table 11-1). An x2APIC MSR is
 * 0x800 + offset / 16.
 */
final class LapicRegisters {
  static final int ID = 0x20;
  static final int VERSION = 0x30;
  static final int TPR = 0x80;
  static final int APR = 0x90;
  static final int PPR = 0xA0;
  static final int EOI = 0xB0;
  static final int RRD = 0xC0;
  static final int LDR = 0xD0;
  static final int DFR = 0xE0;
  static final int SVR = 0xF0;
  static final int ISR = 0x100;
  static final int TMR = 0x180;
  static final int IRR = 0x200;
  static final int ESR = 0x280;
  static final int ICR_LOW = 0x300;
  static final int ICR_HIGH = 0x310;
  static final int LVT_TIMER = 0x320;
  static final int LVT_ERROR = 0x370;
  static final int INITIAL_COUNT = 0x380;
  static final int CURRENT_COUNT = 0x390;
  static final int DIVIDE_CONFIGURATION = 0x3E0;

  // Indices of LVT entries, in register order from LVT_TIMER.
  static final int TIMER = 0;
  static final int LINT0 = 3;
  static final int LINT1 = 4;
  static final int ERROR = 5;
  static final int LVT_ENTRIES = 6;

  static final int LVT_MASKED = 1 << 16;

  /** What software can set in each entry: 11.5.1. */
  private static final int[] LVT_WRITABLE = {0x700FF, 0x107FF, 0x107FF, 0x1A7FF, 0x1A7FF, 0x100FF};

  /** An integrated APIC with six LVT entries, no suppression of EOI broadcasts. */
  static final int VERSION_VALUE = 0x14 | (LVT_ENTRIES - 1) << 16;

  static final int SVR_ENABLED = 1 << 8;
  static final int SVR_WRITABLE = 0x3FF;
  static final int DFR_FLAT = 0xFFFFFFFF;

  static final int ESR_SEND_ILLEGAL_VECTOR = 1 << 5;
  static final int ESR_RECEIVED_ILLEGAL_VECTOR = 1 << 6;
  static final int ESR_ILLEGAL_REGISTER = 1 << 7;

  /** ICR bits that software can set: vector, modes, level, trigger, shorthand. */
  static final int ICR_LOW_WRITABLE = 0xCCFFF;

  static final long BASE_BSP = 1 << 8;
  static final long BASE_X2APIC = 1 << 10;
  static final long BASE_ENABLED = 1 << 11;

  /** Reserved in IA32_APIC_BASE for a physical address of at most 52 bits. */
  static final long BASE_RESERVED = 0xFFF0_0000_0000_02FFL;

  private LapicRegisters() {}

  /** Returns what software can set in an LVT entry. */
  static int lvtWritable(int index) {
    return LVT_WRITABLE[index];
  }
}
