package dev.godwit.cpu.soft.fpu;

/** The CRC32 instruction's polynomial 11EDC6F41h, bits reflected (SDM vol. 2, CRC32). */
public final class Crc32c {
  private static final int REFLECTED = 0x82F6_3B78;
  private static final int[] TABLE = table();

  private Crc32c() {}

  private static int[] table() {
    int[] table = new int[256];
    for (int i = 0; i < 256; i++) {
      int crc = i;
      for (int bit = 0; bit < 8; bit++) {
        crc = crc >>> 1 ^ ((crc & 1) != 0 ? REFLECTED : 0);
      }
      table[i] = crc;
    }
    return table;
  }

  /** Returns {@code crc} after the low {@code bytes} of {@code value}, lowest first. */
  public static int update(int crc, long value, int bytes) {
    int result = crc;
    for (int i = 0; i < bytes; i++) {
      result = result >>> 8 ^ TABLE[(result ^ (int) (value >>> 8 * i)) & 0xFF];
    }
    return result;
  }
}
