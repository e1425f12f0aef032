package dev.godwit.e2e.oracle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The contents of RAM that both machines start from: the runner, its tables, and a batch of cases
 * of one mode.
 *
 * <p>Physical layout: control block at 7000h, runner at 8000h, the 16-bit modes' code at 10000h and
 * data at 28000h, tables from 1 MiB, code from 2 MiB, data pages at 6 MiB, cases from 8 MiB, and
 * their results behind them. Offsets in the control block, a case and a result are those of
 * runner.S.
 */
final class RunnerImage {
  static final int RAM_BYTES = 64 << 20;
  static final int CONTROL = 0x7000;
  static final int RUNNER = 0x8000;
  static final int CODE = 0x20_0000;
  static final int DATA = 0x60_0000;
  static final int CASES = 0x80_0000;
  static final int RECORD_BYTES = 1024;

  /** How many cases a batch can have. */
  static final int MOST_CASES = (RAM_BYTES - CASES) / (2 * RECORD_BYTES);

  static final int WINDOWS = 4;
  static final int WINDOW_BYTES = 64;

  /**
   * Offsets of the windows in the data pages: at the start (the page before does not exist), and
   * across the ends of the first three.
   */
  static final int[] WINDOW_OFFSETS = {0, 0x1000 - 32, 0x2000 - 32, 0x3000 - 32};

  /** Room for one case's code. */
  static final int SLOT_BYTES = 64;

  private static final byte INT3 = (byte) 0xCC;

  private final CpuMode mode;
  private final ByteBuffer ram = ByteBuffer.allocate(RAM_BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private final List<InsnCase> cases = new ArrayList<>();
  private final Map<String, Long> placed = new HashMap<>();
  private int nextSlot;
  private int nextEndPage;
  private final int physicalCode;

  RunnerImage(CpuMode mode, byte[] runner) {
    this.mode = mode;
    ram.put(RUNNER, runner);
    physicalCode = mode.realLike() ? (int) mode.codeLinear : CODE;
    int slots = mode.codeSlots();
    for (int i = 0; i < slots * SLOT_BYTES * 4 / 3; i++) {
      ram.put(physicalCode + i, INT3);
    }
    new RunnerTables(ram, mode).write();
    int data = mode.realLike() ? (int) mode.dataLinear : DATA;
    for (int i = 0; i < WINDOWS; i++) {
      ram.putLong(CONTROL + 0x80 + 8 * i, data + WINDOW_OFFSETS[i]);
    }
  }

  /** Adds a case; false if there is no room for it. */
  boolean add(InsnCase c) {
    if (cases.size() == MOST_CASES) {
      return false;
    }
    StringBuilder key = new StringBuilder(c.atPageEnd() ? "e" : "");
    byte[] code = new byte[c.codeBytes()];
    int length = 0;
    for (byte[] insn : c.insns()) {
      System.arraycopy(insn, 0, code, length, insn.length);
      length += insn.length;
    }
    for (byte b : code) {
      key.append((char) (b & 0xFF));
    }
    Long offset = placed.get(key.toString());
    if (offset == null) {
      offset = c.atPageEnd() ? endOfPage(code.length) : slot();
      if (offset < 0) {
        return false;
      }
      ram.put(physicalCode + offset.intValue(), code);
      placed.put(key.toString(), offset);
    }
    write(cases.size(), c, offset);
    cases.add(c);
    return true;
  }

  /** The next free slot; the last of each page stays free, for {@link #endOfPage}. */
  private long slot() {
    while (true) {
      int slot = nextSlot++;
      int page = slot * SLOT_BYTES >> 12;
      if (slot >= mode.codeSlots()) {
        return -1;
      }
      if (RunnerTables.executable(page) && (slot & 63) != 63) {
        return (long) slot * SLOT_BYTES;
      }
    }
  }

  /** The end of a page whose successor cannot be executed. */
  private long endOfPage(int bytes) {
    int page = 4 * nextEndPage++ + 2;
    long end = (page + 1L) << 12;
    return end > (long) mode.codeSlots() * SLOT_BYTES ? -1 : end - bytes;
  }

  private void write(int index, InsnCase c, long codeOffset) {
    int at = CASES + index * RECORD_BYTES;
    for (int i = 0; i < 16; i++) {
      ram.putLong(at + 8 * i, c.gpr()[i]);
    }
    ram.putLong(at + 0x80, c.rflags());
    ram.putLong(at + 0x88, mode.codeLinear - mode.codeBase() + codeOffset);
    ram.putLong(at + 0x90, mode.codeSelector());
    ram.putLong(at + 0x98, mode.dataSelector());
    ram.putShort(at + 0xA0, (short) mode.dataSelector());
    ram.putShort(at + 0xA2, (short) mode.dataSelector());
    ram.putShort(at + 0xA4, (short) c.fsGs()[0]);
    ram.putShort(at + 0xA6, (short) c.fsGs()[1]);
    ram.putInt(at + 0xA8, c.fx().length == 0 ? 0 : 1);
    ram.put(at + 0x100, c.data());
    ram.put(at + 0x200, c.fx());
  }

  /** Returns the RIP that a case starts at. */
  long start(int index) {
    return ram.getLong(CASES + index * RECORD_BYTES + 0x88);
  }

  List<InsnCase> cases() {
    return cases;
  }

  /** RAM as the machines shall find it; valid until the next {@link #add}. */
  byte[] ram() {
    int end = CASES + cases.size() * RECORD_BYTES;
    ram.putLong(CONTROL + 0x08, CASES);
    ram.putLong(CONTROL + 0x10, end);
    ram.putLong(CONTROL + 0x18, end);
    return ram.array();
  }

  /** How much of {@link #ram} is not zero. */
  int usedBytes() {
    return CASES + cases.size() * RECORD_BYTES;
  }

  /** Where the results are, after {@link #ram}. */
  int resultsAt() {
    return usedBytes();
  }
}
