package dev.godwit.cpu.oracle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One experiment: machine code and the whole user-visible state before it. Mutable, so that a
 * generator fills in what it cares about.
 */
public final class OracleCase {
  /** Where the code page lies; the page outside the code is filled with INT3. */
  public static final long CODE_BASE = 0x1000_0000L;

  /** Where the one page of data lies; neither neighbour is mapped. */
  public static final long DATA_BASE = 0x2000_0000L;

  public static final int PAGE_BYTES = 4096;

  /** What the data page holds outside the window {@link #mem}. */
  public static final byte DATA_FILL = (byte) 0xA5;

  /** Longest {@link #code}. */
  public static final int MAX_CODE_BYTES = 32;

  /** Size of an FXSAVE image. */
  public static final int FX_BYTES = 512;

  /** The flags that a case can set: CF PF AF ZF SF DF OF. IF and bit 1 are always set. */
  public static final long SETTABLE_FLAGS = 0xCD5;

  public byte[] code = new byte[0];

  /** Offset of the code in its page. */
  public int codeOffset = 0x800;

  /** False: 32-bit compatibility mode (flat segments). */
  public boolean longMode = true;

  /** In encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8..r15. */
  public final long[] gpr = new long[16];

  public long rflags;

  /** FXSAVE64 image, little-endian. Starts as after FNINIT with MXCSR 1F80. */
  public final ByteBuffer fx =
      ByteBuffer.allocate(FX_BYTES)
          .order(ByteOrder.LITTLE_ENDIAN)
          .putShort(0, (short) 0x37F)
          .putInt(24, 0x1F80);

  /** Where in the data page {@link #mem} lies. */
  public int memOffset;

  /** The window of the data page that is given and compared. */
  public byte[] mem = new byte[0];

  /** The case as one line of text, for failure messages. */
  @Override
  public String toString() {
    StringBuilder s = new StringBuilder(longMode ? "64-bit" : "32-bit").append(" code");
    for (byte b : code) {
      s.append(String.format(" %02X", b));
    }
    s.append(String.format(" rflags=%x", rflags));
    OracleResult.appendState(s, gpr, fx);
    return OracleResult.appendMemory(s, mem).toString();
  }
}
