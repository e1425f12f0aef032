package dev.godwit.platform;

/**
 * The delivery mode of an interrupt message; the ordinal is its three-bit encoding (SDM vol. 3A
 * 11.5.1, 11.6.1, 11.11.2).
 */
enum DeliveryMode {
  FIXED,
  LOWEST_PRIORITY,
  SMI,
  RESERVED,
  NMI,
  INIT,
  STARTUP,
  EXTINT;

  private static final DeliveryMode[] ALL = values();

  /** Returns the mode in bits 10:8 of an LVT entry, an ICR, a redirection entry or MSI data. */
  static DeliveryMode of(int bits) {
    return ALL[bits >>> 8 & 7];
  }
}
