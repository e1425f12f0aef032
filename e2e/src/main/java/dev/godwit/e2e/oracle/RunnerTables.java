package dev.godwit.e2e.oracle;

import java.nio.ByteBuffer;

/** The descriptor tables, task state segments and page tables of the runner image. */
final class RunnerTables {
  static final int CODE32 = 0x08;
  static final int DATA32 = 0x10;
  static final int CODE64 = 0x18;
  static final int USER_CODE16 = 0x53;
  static final int USER_CODE32 = 0x5B;
  static final int USER_DATA32 = 0x63;
  static final int USER_CODE64 = 0x6B;
  static final int USER_DATA16 = 0x7B;
  static final int USER_DATA_AT_WINDOWS = 0x83;

  /** Selectors worth loading: good ones and every kind of bad one. */
  static final int[] SELECTORS = {
    0, 3, 0x0B, 0x10, 0x1B, 0x30, 0x40, 0x44, 0x53, 0x5B, 0x63, 0x60, 0x6B, 0x7B, 0x83, 0x8B, 0x93,
    0x9B, 0xA3, 0xAB, 0xB3, 0xC3, 0xD3, 0xDB, 0xE3, 0xFB, 0x103, 0xFFFC
  };

  private static final int TASK = 0x30;

  // Physical addresses, above 1 MiB.
  private static final int GDT = 0x10_0000;
  private static final int IDT = 0x10_1000;
  private static final int TSS = 0x10_2000;
  private static final int TOP = 0x10_3000;
  private static final int PDPT_LOW = 0x10_4000;
  private static final int PD_LOW = 0x10_5000;
  private static final int PDPT_HIGH = 0x10_6000;
  private static final int PD_HIGH = 0x10_7000;
  private static final int PT_LOW = 0x10_8000;
  private static final int PT_CODE = 0x10_9000;
  private static final int PT_DATA = 0x10_A000;

  /** Where long mode sees physical memory: the top 2 GiB. */
  static final long HIGH = 0xFFFF_FFFF_8000_0000L;

  private static final long NO_EXECUTE = 1L << 63;
  private static final int USER = 7;
  private static final int READ_ONLY = 5;
  private static final int SUPERVISOR = 3;

  private final ByteBuffer ram;
  private final CpuMode mode;

  RunnerTables(ByteBuffer ram, CpuMode mode) {
    this.ram = ram;
    this.mode = mode;
  }

  void write() {
    descriptors();
    if (mode.loop == 0) {
      for (int vector = 0; vector < 256; vector++) {
        ram.putInt(4 * vector, stubs(2) + 16 * vector);
      }
    } else if (mode.loop == 1) {
      interrupts32();
      if (mode == CpuMode.PAE32) {
        pagesPae();
      } else {
        pages32();
      }
    } else {
      interrupts64();
      pagesPae();
    }
    control();
  }

  /** Address of a table of stubs, from the head of the runner. */
  private int stubs(int index) {
    return ram.getInt(RunnerImage.RUNNER + 0x10 + 4 * index);
  }

  private void control() {
    int at = RunnerImage.CONTROL;
    boolean pae = mode.noExecute();
    ram.putInt(at, mode.loop);
    ram.putLong(at + 0x20, TOP);
    // OSFXSR, OSXMMEXCPT; PAE; PSE
    ram.putLong(at + 0x28, 0x600 | (pae ? 0x20 : 0) | (mode.loop == 1 && !pae ? 0x10 : 0));
    ram.putLong(at + 0x30, mode.loop == 2 ? 0x901 : mode == CpuMode.PAE32 ? 0x800 : 0);
    // Without WP in virtual-8086 mode: the runner then writes the windows where programs may not.
    ram.putLong(at + 0x38, mode == CpuMode.V86 ? 0x8000_0031L : 0x8001_0031L);
    table(at + 0x40, 0xFF, GDT);
    table(at + 0x50, 0x7FF, IDT);
    table(at + 0x60, 0xFF, HIGH + GDT);
    table(at + 0x70, 0xFFF, HIGH + IDT);
    ram.putLong(at + 0xA0, HIGH);
    ram.putInt(at + 0xA8, TASK);
    ram.putLong(at + 0xB0, PD_LOW);
  }

  private void table(int at, int limit, long base) {
    ram.putShort(at, (short) limit);
    ram.putLong(at + 2, base);
  }

  // Descriptors

  private void descriptors() {
    boolean longMode = mode.loop == 2;
    descriptor(CODE32, 0, 0xFFFFF, 0xC09B);
    descriptor(DATA32, 0, 0xFFFFF, 0xC093);
    descriptor(CODE64, 0, 0xFFFFF, 0xA09B);
    descriptor(0x20, 0, 0xFFFFF, 0x809B);
    descriptor(0x28, 0, 0xFFFFF, 0x8093);
    long tss = longMode ? HIGH + TSS : TSS;
    descriptor(TASK, tss & 0xFFFF_FFFFL, 0x67, 0x89);
    if (longMode) {
      ram.putLong(GDT + TASK + 8, tss >>> 32);
    }
    descriptor(0x40, tss & 0xFFFF_FFFFL, 0x0F, 0x82); // an LDT, never loaded
    descriptor(USER_CODE16, mode.codeLinear, 0xFFFFF, 0x80FB);
    descriptor(USER_CODE32, 0, 0xFFFFF, 0xC0FB);
    descriptor(USER_DATA32, 0, 0xFFFFF, 0xC0F3);
    descriptor(USER_CODE64, 0, 0xFFFFF, 0xA0FB);
    descriptor(USER_DATA16, mode.dataBase(), 0xFFFFF, 0x80F3);
    descriptor(USER_DATA_AT_WINDOWS, mode.dataLinear, 0xFFFFF, 0xC0F3);
    descriptor(0x88, 0, 0xFFFFF, 0xC0F1); // read-only
    descriptor(0x90, 0, 0xFFFFF, 0xC0F9); // execute-only
    descriptor(0x98, 0, 0xFFFFF, 0xC09F); // conforming, level 0
    descriptor(0xA0, 0, 0xFFFFF, 0xC073); // not present
    descriptor(0xA8, 0, 0, 0xC0F7); // expand-down
    gate(GDT + 0xB0, stubs(0), 0xC, 0); // a call gate of level 0, and of level 3 but not present
    gate(GDT + 0xC0, stubs(0), 0xC, 3);
    ram.put(GDT + 0xC5, (byte) 0x6C);
    descriptor(0xD0, 0, 0xFFFFF, 0xC0F0); // data, accessed bit clear
    descriptor(0xD8, 0, 0xFFFFF, 0xC092); // level 0
    descriptor(0xE0, 0, 0xFFFFF, 0xC0EE); // an interrupt gate has no business here
  }

  private void descriptor(int selector, long base, long limit, int attributes) {
    ram.putLong(
        GDT + (selector & ~7),
        limit & 0xFFFF
            | (base & 0xFF_FFFF) << 16
            | (long) (attributes & 0xFF) << 40
            | (limit >>> 16 & 0xF) << 48
            | (long) (attributes >>> 12 & 0xF) << 52
            | (base >>> 24 & 0xFF) << 56);
  }

  private void gate(int at, long target, int type, int dpl) {
    ram.putLong(
        at,
        target & 0xFFFF
            | (long) (mode.loop == 2 ? CODE64 : CODE32) << 16
            | (long) (0x80 | dpl << 5 | type) << 40
            | (target >>> 16 & 0xFFFF) << 48);
  }

  /** Vectors that programs may raise by INT n. */
  private static int gateLevel(int vector) {
    return vector == 3 || vector == 4 || vector == 0x80 ? 3 : 0;
  }

  private void interrupts32() {
    for (int vector = 0; vector < 256; vector++) {
      if (vector < 32 || vector >= 0x80) {
        gate(IDT + 8 * vector, stubs(1) + 16 * vector, 0xE, gateLevel(vector));
      }
    }
    ram.putInt(TSS + 4, stubs(4));
    ram.putInt(TSS + 8, DATA32);
    ram.putShort(TSS + 0x66, (short) 0x68);
  }

  private void interrupts64() {
    for (int vector = 0; vector < 256; vector++) {
      if (vector < 32 || vector >= 0x80) {
        int at = IDT + 16 * vector;
        long target = HIGH + stubs(0) + 16 * vector;
        gate(at, target, 0xE, gateLevel(vector));
        ram.put(at + 4, (byte) 1);
        ram.putLong(at + 8, target >>> 32);
      }
    }
    ram.putLong(TSS + 4, HIGH + stubs(4));
    ram.putLong(TSS + 0x24, HIGH + stubs(4));
    ram.putShort(TSS + 0x66, (short) 0x68);
  }

  // Pages

  /** Bits of a page of the code region. */
  private static long codePage(int page, long noExecute) {
    if (page > 127) {
      return 0;
    }
    return switch (page & 7) {
      case 3 -> 0;
      case 7 -> noExecute == 0 ? 0 : READ_ONLY | noExecute;
      default -> READ_ONLY;
    };
  }

  /** Whether code can be put in a page of the code region. */
  static boolean executable(int page) {
    return (page & 3) != 3;
  }

  /** Bits of a data page: two that can be written, a read-only one, a supervisor's; no more. */
  private static long dataPage(int page) {
    return switch (page) {
      case 0, 1 -> USER;
      case 2 -> READ_ONLY;
      case 3 -> SUPERVISOR;
      default -> 0;
    };
  }

  /** The first MiB and what it holds: the runner, and the 16-bit modes' code and data. */
  private long lowPage(int page) {
    int gpa = page << 12;
    if (mode == CpuMode.V86 && gpa >= 0x1_0000 && gpa < 0x2_0000) {
      return codePage(page & 15, 0);
    }
    if (mode == CpuMode.V86 && gpa >= 0x2_8000 && gpa < 0x3_0000) {
      return dataPage(page & 7);
    }
    return gpa >= 0x7000 && gpa < 0x1_0000 || gpa >= 0x10_0000 ? SUPERVISOR : 0;
  }

  private void pages32() {
    ram.putInt(TOP, PT_LOW | USER);
    for (int page = 0; page < 1024; page++) {
      long bits = lowPage(page);
      ram.putInt(PT_LOW + 4 * page, bits == 0 ? 0 : page << 12 | (int) bits);
    }
    for (int i = 1; i < RunnerImage.RAM_BYTES >> 22; i++) {
      ram.putInt(TOP + 4 * i, i << 22 | 0x80 | SUPERVISOR);
    }
    if (!mode.realLike()) {
      ram.putInt(TOP + 4 * (int) (mode.codeLinear >> 22), PT_CODE | USER);
      ram.putInt(TOP + 4 * (int) (mode.dataLinear >> 22), PT_DATA | USER);
      for (int page = 0; page < 1024; page++) {
        long code = codePage(page, 0);
        ram.putInt(
            PT_CODE + 4 * page, code == 0 ? 0 : RunnerImage.CODE + (page << 12) | (int) code);
        long data = dataPage(page);
        ram.putInt(
            PT_DATA + 4 * page, data == 0 ? 0 : RunnerImage.DATA + (page << 12) | (int) data);
      }
    }
  }

  private void pagesPae() {
    if (mode.loop == 2) {
      ram.putLong(TOP, PDPT_LOW | USER);
      ram.putLong(TOP + 8 * 511, PDPT_HIGH | SUPERVISOR);
      ram.putLong(PDPT_LOW, PD_LOW | USER);
      ram.putLong(PDPT_HIGH + 8 * 510, PD_HIGH | SUPERVISOR);
      for (int i = 0; i < RunnerImage.RAM_BYTES >> 21; i++) {
        ram.putLong(PD_HIGH + 8 * i, (long) i << 21 | 0x80 | SUPERVISOR);
      }
    } else {
      ram.putLong(TOP, PD_LOW | 1);
      for (int i = 1; i < RunnerImage.RAM_BYTES >> 21; i++) {
        ram.putLong(PD_LOW + 8 * i, (long) i << 21 | 0x80 | SUPERVISOR);
      }
    }
    // A kernel's case must not be able to write to pages of its own that others need.
    int user = mode == CpuMode.KERNEL64 ? ~4 : ~0;
    ram.putLong(PD_LOW, PT_LOW | SUPERVISOR);
    ram.putLong(PD_LOW + 8 * (int) (mode.codeLinear >> 21), PT_CODE | USER);
    ram.putLong(PD_LOW + 8 * (int) (mode.dataLinear >> 21), PT_DATA | USER);
    for (int page = 0; page < 512; page++) {
      long low = lowPage(page);
      ram.putLong(PT_LOW + 8 * page, low == 0 ? 0 : (long) page << 12 | low);
      long code = codePage(page, NO_EXECUTE);
      ram.putLong(
          PT_CODE + 8 * page, code == 0 ? 0 : RunnerImage.CODE + ((long) page << 12) | code & user);
      long data = dataPage(page);
      ram.putLong(
          PT_DATA + 8 * page,
          data == 0 ? 0 : RunnerImage.DATA + ((long) page << 12) | data & user | NO_EXECUTE);
    }
  }
}
