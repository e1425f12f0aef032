package dev.godwit.device.pci;

/**
 * A function's 256 bytes of configuration space (PCI Local Bus 3.0 §6.1). For each bit it is
 * declared who may change it: nobody, the guest, or the device. The error bits of the status
 * register are never set, so that nobody clears them.
 *
 * <p>Not synchronised: its function is.
 */
public final class ConfigSpace {
  /** Its size. */
  public static final int BYTES = 256;

  public static final int VENDOR = 0x00;
  public static final int COMMAND = 0x04;
  public static final int STATUS = 0x06;
  public static final int REVISION = 0x08;
  public static final int CLASS_CODE = 0x09;
  public static final int CACHE_LINE = 0x0C;
  public static final int HEADER_TYPE = 0x0E;
  public static final int BARS = 0x10;
  public static final int SUBSYSTEM_VENDOR = 0x2C;
  public static final int CAPABILITIES = 0x34;
  public static final int INTERRUPT_LINE = 0x3C;
  public static final int INTERRUPT_PIN = 0x3D;

  public static final int COMMAND_IO = 1;
  public static final int COMMAND_MEMORY = 1 << 1;
  public static final int COMMAND_MASTER = 1 << 2;
  public static final int COMMAND_NO_INTX = 1 << 10;

  public static final int STATUS_INTX = 1 << 3;
  public static final int STATUS_CAPABILITIES = 1 << 4;

  private final byte[] values = new byte[BYTES];
  private final byte[] powerOn = new byte[BYTES];
  private final byte[] writable = new byte[BYTES];
  private final byte[] internal = new byte[BYTES];

  ConfigSpace() {}

  /**
   * Declares a register while the function is being built.
   *
   * @param sizeBytes 1 to 4
   * @param value its value at power-on
   * @param writableBits what the guest may write
   */
  void declare(int offset, int sizeBytes, long value, long writableBits) {
    put(powerOn, offset, sizeBytes, value);
    put(writable, offset, sizeBytes, writableBits);
    put(values, offset, sizeBytes, value);
  }

  /** Declares bits of a register that only the device changes. */
  void declareInternal(int offset, int sizeBytes, long bits) {
    put(internal, offset, sizeBytes, bits);
  }

  /** Reads as the guest does; what is beyond the end is all ones. */
  public long read(int offset, int sizeBytes) {
    long value = 0;
    for (int i = 0; i < sizeBytes; i++) {
      long octet = offset + i < BYTES ? values[offset + i] & 0xFF : 0xFF;
      value |= octet << (8 * i);
    }
    return value;
  }

  /** Writes as the guest does: only what it may. */
  void write(int offset, int sizeBytes, long value) {
    for (int i = 0; i < sizeBytes && offset + i < BYTES; i++) {
      int at = offset + i;
      int octet = (int) (value >>> (8 * i)) & 0xFF;
      values[at] = (byte) (values[at] & ~writable[at] | octet & writable[at]);
    }
  }

  /** Changes bits as the device does. */
  void set(int offset, int sizeBytes, long bits, boolean on) {
    long value = read(offset, sizeBytes);
    put(values, offset, sizeBytes, on ? value | bits : value & ~bits);
  }

  void reset() {
    System.arraycopy(powerOn, 0, values, 0, BYTES);
  }

  byte[] save() {
    return values.clone();
  }

  /**
   * Returns the first offset at which a saved space is not this function's: a bit differs that
   * nobody can change. -1 if none.
   */
  int firstForeign(byte[] saved) {
    for (int i = 0; i < BYTES; i++) {
      int fixed = ~(writable[i] | internal[i]);
      if (((saved[i] ^ powerOn[i]) & fixed) != 0) {
        return i;
      }
    }
    return -1;
  }

  void restore(byte[] saved) {
    System.arraycopy(saved, 0, values, 0, BYTES);
  }

  private static void put(byte[] target, int offset, int sizeBytes, long value) {
    for (int i = 0; i < sizeBytes; i++) {
      target[offset + i] = (byte) (value >>> (8 * i));
    }
  }
}
