package dev.godwit.e2e.oracle;

/** The modes that cases run in, each with where its code and data lie. */
enum CpuMode {
  /** Real mode, with 4 GiB segment limits, since TCG checks none. */
  REAL(16, 0, 0, 0x1_0000, 0x2_8000),
  /** Virtual-8086 mode below 32-bit paging. */
  V86(16, 1, 3, 0x1_0000, 0x2_8000),
  /** A 16-bit segment of protected mode, 32-bit paging. */
  PROTECTED16(16, 1, 3, 0x1000_0000, 0x2000_0000),
  /** 32-bit protected mode, 32-bit paging, user. */
  PROTECTED32(32, 1, 3, 0x1000_0000, 0x2000_0000),
  /** 32-bit protected mode, PAE paging with NX, user. */
  PAE32(32, 1, 3, 0x1000_0000, 0x2000_0000),
  /** A 16-bit segment of long mode. */
  COMPATIBILITY16(16, 2, 3, 0x1000_0000, 0x2000_0000),
  /** A 32-bit segment of long mode. */
  COMPATIBILITY32(32, 2, 3, 0x1000_0000, 0x2000_0000),
  /** 64-bit mode, user. */
  LONG64(64, 2, 3, 0x1000_0000, 0x2000_0000),
  /** 64-bit mode, supervisor. */
  KERNEL64(64, 2, 0, 0x1000_0000, 0x2000_0000);

  /** Default operand and address size. */
  final int bits;

  /** The runner's loop: 0 real, 1 32-bit, 2 long. */
  final int loop;

  /** Privilege level of the cases. */
  final int cpl;

  /** Linear address of the code region. */
  final long codeLinear;

  /** Linear address of the data pages. */
  final long dataLinear;

  CpuMode(int bits, int loop, int cpl, long codeLinear, long dataLinear) {
    this.bits = bits;
    this.loop = loop;
    this.cpl = cpl;
    this.codeLinear = codeLinear;
    this.dataLinear = dataLinear;
  }

  boolean is64() {
    return bits == 64;
  }

  /** Real and virtual-8086 mode: segments are addresses, all below 1 MiB. */
  boolean realLike() {
    return this == REAL || this == V86;
  }

  /** Whether executing data faults: then a random branch target is harmless. */
  boolean noExecute() {
    return loop == 2 || this == PAE32;
  }

  /** Segment that code and stack addresses of a 16-bit mode count from; 0 where they are flat. */
  long dataBase() {
    return switch (this) {
      case REAL, V86 -> 0x2_0000;
      case PROTECTED16, COMPATIBILITY16 -> dataLinear - 0x8000;
      default -> 0;
    };
  }

  /** Offset of the data pages in their segment: what a register holds to point there. */
  long dataOffset() {
    return dataLinear - dataBase();
  }

  /** Base of the code segment. */
  long codeBase() {
    return bits == 16 ? codeLinear : 0;
  }

  /** CS of a case. */
  int codeSelector() {
    return switch (this) {
      case REAL, V86 -> 0x1000;
      case PROTECTED16, COMPATIBILITY16 -> RunnerTables.USER_CODE16;
      case PROTECTED32, PAE32, COMPATIBILITY32 -> RunnerTables.USER_CODE32;
      case LONG64 -> RunnerTables.USER_CODE64;
      case KERNEL64 -> RunnerTables.CODE64;
    };
  }

  /** DS, ES and SS of a case. */
  int dataSelector() {
    return switch (this) {
      case REAL, V86 -> 0x2000;
      case PROTECTED16, COMPATIBILITY16 -> RunnerTables.USER_DATA16;
      case KERNEL64 -> RunnerTables.DATA32;
      default -> RunnerTables.USER_DATA32;
    };
  }

  /** How many slots for code there are. */
  int codeSlots() {
    return bits == 16 ? 768 : 4096;
  }
}
