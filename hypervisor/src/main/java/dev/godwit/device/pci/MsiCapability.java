package dev.godwit.device.pci;

/**
 * Message-signalled interrupts (PCI 3.0 §6.8.1): 64-bit address, no masking of single vectors. All
 * of its state is in the configuration space.
 */
public final class MsiCapability implements PciCapability {
  private static final int ID = 0x05;
  private static final int LENGTH_BYTES = 14;
  private static final int CONTROL = 2;
  private static final int ADDRESS = 4;
  private static final int DATA = 12;
  private static final int ENABLE = 1;
  private static final int ENABLED_VECTORS_SHIFT = 4;
  private static final int ADDRESS_64_BITS = 1 << 7;

  private final PciFunction function;
  private final int vectorsLog2;
  private int offset;

  MsiCapability(PciFunction function, int vectors) {
    if (Integer.bitCount(vectors) != 1 || vectors > 32) {
      throw new IllegalArgumentException(vectors + " MSI vectors");
    }
    this.function = function;
    this.vectorsLog2 = Integer.numberOfTrailingZeros(vectors);
  }

  @Override
  public int id() {
    return ID;
  }

  @Override
  public int lengthBytes() {
    return LENGTH_BYTES;
  }

  @Override
  public void declare(ConfigSpace config, int offset) {
    this.offset = offset;
    config.declare(
        offset + CONTROL,
        2,
        vectorsLog2 << 1 | ADDRESS_64_BITS,
        ENABLE | 7 << ENABLED_VECTORS_SHIFT);
    config.declare(offset + ADDRESS, 4, 0, 0xFFFF_FFFCL);
    config.declare(offset + ADDRESS + 4, 4, 0, 0xFFFF_FFFFL);
    config.declare(offset + DATA, 2, 0, 0xFFFF);
  }

  @Override
  public void configChanged() {}

  @Override
  public boolean replacesPin() {
    return enabled();
  }

  @Override
  public void reset() {}

  /** Says whether the guest uses MSI: the function's INTx is silent then. */
  public boolean enabled() {
    synchronized (function) {
      return (control() & ENABLE) != 0;
    }
  }

  /**
   * Sends a vector, if MSI is enabled; one that the guest did not give us falls on the last that it
   * gave. Any thread.
   */
  public void send(int vector) {
    synchronized (function) {
      if (!enabled()) {
        return;
      }
      int givenLog2 = Math.min((int) control() >> ENABLED_VECTORS_SHIFT & 7, vectorsLog2);
      int mask = (1 << givenLog2) - 1;
      long address =
          function.config().read(offset + ADDRESS, 4)
              | function.config().read(offset + ADDRESS + 4, 4) << 32;
      int data = (int) function.config().read(offset + DATA, 2);
      function.sendMessage(address, data & ~mask | Math.min(vector, mask));
    }
  }

  private long control() {
    return function.config().read(offset + CONTROL, 2);
  }
}
