package dev.godwit.boot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Makes Multiboot kernels of a few instructions. */
public final class MultibootFixture {
  /** Where it is loaded. */
  public static final int GPA = 0x20_0000;

  private static final int MAGIC = 0x1BAD_B002;
  private static final int HEADER_AT = 0x60;
  private static final int CODE_AT = 0x80;

  private MultibootFixture() {}

  /**
   * A 32-bit ELF file with one segment.
   *
   * @param flags the Multiboot header's
   * @param entryOffset where it is entered, from the start of its code
   */
  public static byte[] elf(byte[] code, int flags, int entryOffset) {
    ByteBuffer b = ByteBuffer.allocate(CODE_AT + code.length).order(ByteOrder.LITTLE_ENDIAN);
    b.putInt(0, 0x464C_457F).put(4, (byte) 1).put(5, (byte) 1).put(6, (byte) 1);
    b.putShort(16, (short) 2).putShort(18, (short) 3).putInt(20, 1);
    b.putInt(24, GPA + CODE_AT + entryOffset).putInt(28, 52).putShort(40, (short) 52);
    b.putShort(42, (short) 32).putShort(44, (short) 1);
    int size = b.capacity();
    b.putInt(52, 1).putInt(56, 0).putInt(60, GPA).putInt(64, GPA).putInt(68, size);
    b.putInt(72, size + 0x1000).putInt(76, 7).putInt(80, 0x1000);
    header(b, flags);
    return b.put(CODE_AT, code).array();
  }

  /** A file that is nothing but a header with addresses and the code. */
  public static byte[] flat(byte[] code) {
    ByteBuffer b = ByteBuffer.allocate(CODE_AT + code.length).order(ByteOrder.LITTLE_ENDIAN);
    header(b, 1 << 16);
    b.putInt(HEADER_AT + 12, GPA + HEADER_AT).putInt(HEADER_AT + 16, GPA);
    b.putInt(HEADER_AT + 28, GPA + CODE_AT);
    return b.put(CODE_AT, code).array();
  }

  private static void header(ByteBuffer b, int flags) {
    b.putInt(HEADER_AT, MAGIC).putInt(HEADER_AT + 4, flags).putInt(HEADER_AT + 8, -MAGIC - flags);
  }
}
