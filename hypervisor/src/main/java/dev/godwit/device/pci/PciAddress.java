package dev.godwit.device.pci;

/**
 * Where a function is on bus 0.
 *
 * @param slot device number, 0–31
 * @param function 0–7
 */
public record PciAddress(int slot, int function) {
  static final int SLOTS = 32;
  static final int FUNCTIONS = 8;

  /** Checks the numbers. */
  public PciAddress {
    if (slot < 0 || slot >= SLOTS || function < 0 || function >= FUNCTIONS) {
      throw new IllegalArgumentException("PCI device " + slot + " function " + function);
    }
  }

  /** Returns it as {@code lspci} writes it: "00:1f.0". */
  @Override
  public String toString() {
    return "00:%02x.%d".formatted(slot, function);
  }
}
