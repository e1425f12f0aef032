package dev.godwit.e2e.oracle;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Compares two results of a case. */
final class Comparison {
  private static final String[] NAMES = {
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15"
  };

  /** VIF and VIP: no program may set them, but TCG's IRET leaves them as they are. */
  private static final long STICKY_FLAGS = 0x18_0000;

  /** MXCSR.DE: TCG does not set it in all cases. */
  private static final long DENORMAL = 2;

  private static final int DEBUG = 1;
  private static final int PAGE_FAULT = 14;

  private final StringBuilder found = new StringBuilder();

  private Comparison() {}

  /**
   * Returns what differs, expected before actual, or null.
   *
   * @param index of the case in both batches
   */
  static @Nullable String difference(
      InsnCase c, ByteBuffer expected, ByteBuffer actual, int index) {
    return new Comparison().compare(c, expected, actual, index * RunnerImage.RECORD_BYTES);
  }

  private @Nullable String compare(InsnCase c, ByteBuffer expected, ByteBuffer actual, int at) {
    long vector = expected.getLong(at + 0xA8);
    field("vector", expected, actual, at + 0xA8, -1);
    // TCG reads before it writes where processors ask for both at once: W may be missing.
    boolean less = vector == PAGE_FAULT && (actual.getLong(at + 0xB0) & 2) != 0;
    field("error", expected, actual, at + 0xB0, less ? ~2 : -1);
    long cs = expected.getLong(at + 0x90);
    long segment = cs & ~3;
    boolean wide =
        c.mode().is64()
            && (segment == RunnerTables.CODE64 || segment == (RunnerTables.USER_CODE64 & ~3));
    field("rip", expected, actual, at + 0x88, wide ? -1 : 0xFFFF_FFFFL);
    field("cs", expected, actual, at + 0x90, -1);
    field("rflags", expected, actual, at + 0x80, ~(c.tolerance().flags() | STICKY_FLAGS));
    if (vector == PAGE_FAULT) {
      field("cr2", expected, actual, at + 0xB8, -1);
    }
    if (vector == DEBUG) {
      field("dr6", expected, actual, at + 0xC0, ~15); // B0–B3 may be set at will without DR7
    }
    boolean zero = (expected.getLong(at + 0x80) & Opcode.ZF) != 0;
    for (int i = 0; i < (c.mode().is64() ? 16 : 8); i++) {
      if (!zero || i != c.tolerance().registerIfZero()) {
        field(NAMES[i], expected, actual, at + 8 * i, -1);
      }
    }
    field("ss", expected, actual, at + 0x98, -1);
    field("ds,es,fs,gs", expected, actual, at + 0xA0, -1);
    data(c, expected, actual, at);
    if (c.fx().length != 0) {
      field("fcw,fsw,ftw", expected, actual, at + 0x200, 0xFF_FFFF_FFFFL);
      field("mxcsr", expected, actual, at + 0x218, 0xFFFF_FFFFL & ~DENORMAL);
      for (int i = 0; i < 8; i++) {
        bytes("st" + i, expected, actual, at + 0x220 + 16 * i, 10);
      }
      for (int i = 0; i < (c.mode().is64() ? 16 : 8); i++) {
        xmm(c, i, expected, actual, at + 0x2A0 + 16 * i);
      }
    }
    return found.isEmpty() ? null : found.substring(1);
  }

  private void field(String name, ByteBuffer expected, ByteBuffer actual, int at, long mask) {
    long e = expected.getLong(at) & mask;
    long a = actual.getLong(at) & mask;
    if (e != a) {
      found.append(String.format(" %s %x/%x", name, e, a));
    }
  }

  /** Compares the data windows, without undefined flags that real mode has pushed into them. */
  private void data(InsnCase c, ByteBuffer expected, ByteBuffer actual, int at) {
    int flagsAt = Integer.MIN_VALUE;
    if (c.mode() == CpuMode.REAL && c.tolerance().flags() != 0) {
      long sp = actual.getLong(at + 8 * 4) - 2 & 0xFFFF;
      flagsAt = (int) (actual.getLong(at + 0x98) * 16 + sp - c.mode().dataLinear);
    }
    for (int window = 0; window < RunnerImage.WINDOWS; window++) {
      for (int i = 0; i < RunnerImage.WINDOW_BYTES; i++) {
        int pushed = RunnerImage.WINDOW_OFFSETS[window] + i - flagsAt;
        int record = at + 0x100 + window * RunnerImage.WINDOW_BYTES + i;
        if (pushed != 0 && pushed != 1 && expected.get(record) != actual.get(record)) {
          found.append(String.format(" window%d+%d ", window, i));
          hex(expected, record, Math.min(16, RunnerImage.WINDOW_BYTES - i));
          found.append('/');
          hex(actual, record, Math.min(16, RunnerImage.WINDOW_BYTES - i));
          return;
        }
      }
    }
  }

  /** TCG and processors choose differently among two NaNs. */
  private void xmm(InsnCase c, int number, ByteBuffer expected, ByteBuffer actual, int at) {
    boolean floating = false;
    for (byte[] insn : c.insns()) {
      floating |= InsnBytes.isFloat(insn);
    }
    for (int i = 0; i < 16 && floating; i += 8) {
      double e = expected.getDouble(at + i);
      double a = actual.getDouble(at + i);
      boolean singles =
          bothNanOrSame(expected, actual, at + i) && bothNanOrSame(expected, actual, at + i + 4);
      floating = Double.isNaN(e) && Double.isNaN(a) || singles;
    }
    if (!floating) {
      bytes("xmm" + number, expected, actual, at, 16);
    }
  }

  private static boolean bothNanOrSame(ByteBuffer expected, ByteBuffer actual, int at) {
    return expected.getInt(at) == actual.getInt(at)
        || Float.isNaN(expected.getFloat(at)) && Float.isNaN(actual.getFloat(at));
  }

  private void bytes(String name, ByteBuffer expected, ByteBuffer actual, int at, int count) {
    for (int i = 0; i < count; i++) {
      if (expected.get(at + i) != actual.get(at + i)) {
        found.append(String.format(" %s+%d ", name, i));
        hex(expected, at + i, Math.min(16, count - i));
        found.append('/');
        hex(actual, at + i, Math.min(16, count - i));
        return;
      }
    }
  }

  private void hex(ByteBuffer from, int at, int count) {
    for (int i = 0; i < count; i++) {
      found.append(String.format("%02x", from.get(at + i)));
    }
  }
}
