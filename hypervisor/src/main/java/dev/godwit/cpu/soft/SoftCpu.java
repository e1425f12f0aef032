package dev.godwit.cpu.soft;

import dev.godwit.cpu.VcpuPorts;
import dev.godwit.cpu.VcpuState.Activity;
import dev.godwit.memory.DirtyMap;
import dev.godwit.memory.HostMemory;
import dev.godwit.memory.LockedExchange;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * A vCPU's registers, and the accesses that its instructions make.
 *
 * <p>Fields are open to the package: they are the guest's registers, and the instruction nodes are
 * written against them. Confined to the vCPU's thread, but for {@link #attention}.
 *
 * <p>The accessors hit the software TLB inline: the tag of the page that holds the access's
 * <i>last</i> byte is compared with the entry of its <i>first</i>, so that one compare also sends
 * page-crossing accesses to {@link Mmu}.
 */
final class SoftCpu {
  /**
   * Indexes of the system segments in the segment arrays, after ES…GS and {@link
   * DecodeContext#FLAT}.
   */
  static final int LDTR = 7;

  static final int TR = 8;

  private static final long PAGE_MASK = -4096L;
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  /**
   * RAX RCX RDX RBX RSP RBP RSI RDI R8…R15 in encoding order; the 17th is always zero (no base, no
   * index).
   */
  final long[] regs = new long[17];

  /** Offset of the next instruction in CS; stale within a block, see {@link Insn}. */
  long rip;

  /** See {@link Flags}. */
  long flagResult = 1;

  /** See {@link Flags}. */
  long flagAux;

  /** RFLAGS but for the six arithmetic flags and the fixed bit 1. */
  long flagsRest;

  // Segments: ES CS SS DS FS GS, an always-zero flat one, LDTR, TR. See Segments.

  /** Bases; the seventh is always zero. */
  final long[] segBase = new long[9];

  final int[] segSelector = new int[9];

  /** Last valid offset, granularity applied, as an unsigned 32-bit number. */
  final long[] segLimit = new long[9];

  /** As in {@link dev.godwit.cpu.VcpuState.Segment#attributes}. */
  final int[] segAttributes = new int[9];

  /**
   * First offset that legacy modes allow, and the last for reads and writes (negative: none); see
   * {@link Segments}.
   */
  final long[] segFirst = new long[7];

  final long[] segLastRead = new long[7];
  final long[] segLastWrite = new long[7];

  /** XMM0–15, low and high halves: XMMn is at 2n and 2n + 1. */
  final long[] xmm = new long[32];

  /** MXCSR and SSE arithmetic. */
  final Sse sse = new Sse();

  /** The x87 FPU, whose registers also are MM0–7. */
  final X87 x87 = new X87();

  /** Current privilege level, 0–3; changed only by {@link #setCpl}. */
  int cpl;

  long cr0;
  long cr2;
  long cr3;
  long cr4;
  long efer;
  final long[] dr = new long[8];
  long gdtBase;
  int gdtLimit;
  long idtBase;
  int idtLimit;

  /** Set by STI and by loads of SS: no interrupt before the next instruction has finished. */
  boolean interruptShadow;

  /**
   * Set by loads of SS, not by STI: no debug trap after the instruction (SDM vol. 3A 7.8.3). Means
   * something only until the run loop has looked at it.
   */
  boolean debugShadow;

  boolean nmiBlocked;

  /**
   * Set by an instruction whose completion is not followed by a single-step trap: it delivered
   * something itself.
   */
  boolean trapSuppressed;

  /** DR6 bits of data breakpoints that the instruction under way has hit. */
  long pendingDr6;

  /** What HLT and triple faults leave; the run loop looks at it when {@link #attention} is set. */
  Activity activity = Activity.RUNNING;

  /** 16, 32 or 64; follows from CS and EFER. */
  int codeBits = 16;

  /** Mask of the stack pointer: 16, 32 or 64 ones. */
  long stackMask = 0xFFFF;

  /** {@link #mode} of 64-bit code, but for the bit of user mode. */
  static final int MODE_64 = 2;

  /** The bit of {@link #mode} that says: user mode. */
  static final int MODE_USER = 8;

  /**
   * What distinguishes blocks at one address: code size (bits 0–1), stack size (bit 2), user (bit
   * 3).
   */
  int mode;

  /** How many PAUSEs were executed; wraps. */
  int pauses;

  /** Instructions completed, for statistics; counted by block. */
  long retired;

  /**
   * Tells the run loop to look around at the next block boundary: interrupts, exits, code changed
   * by others. Any thread sets it; the run loop clears it before it looks.
   */
  volatile boolean attention;

  // The TLB of the current privilege; see Mmu.
  long[] tlb;

  /** {@code (hva >>> 12) + markBias} is where a page's dirty mark is. */
  final long markBias;

  /** For CMPXCHG16B. */
  final LockedExchange lockedExchange = new LockedExchange();

  final VcpuPorts ports;
  final int index;
  final Mmu mmu;
  final BlockCache blocks;
  final Translator translator;
  final Segments segments;
  final Interrupts interrupts;
  final Msrs msrs;
  final Cpuid cpuid;
  final FaultLog log;

  SoftCpu(VcpuPorts ports) {
    this(ports, 0, new CodeMap(ports.memory().framePages()));
  }

  SoftCpu(VcpuPorts ports, int index, CodeMap codeMap) {
    this.ports = ports;
    this.index = index;
    this.markBias = ports.memory().dirty().baseHva() - (ports.memory().baseHva() >>> 12);
    this.log = new FaultLog(this);
    this.cpuid = new Cpuid(this);
    this.msrs = new Msrs(this);
    this.segments = new Segments(this);
    this.blocks = new BlockCache(this, codeMap);
    this.mmu = new Mmu(this);
    this.translator = new Translator(this);
    this.interrupts = new Interrupts(this);
    this.tlb = mmu.tlb(0);
    reset();
  }

  /**
   * Brings the registers to what RESET and INIT leave (SDM vol. 3A table 10-1); the flag x87 state
   * stays on INIT.
   */
  void reset() {
    Arrays.fill(regs, 0);
    regs[2] = cpuid.signature();
    rip = 0xFFF0;
    flagsRest = 0;
    setArithmeticFlags(0);
    cr0 = Cr.ET | Cr.NW | Cr.CD;
    cr2 = 0;
    cr3 = 0;
    cr4 = 0;
    efer = 0;
    Arrays.fill(dr, 0);
    dr[6] = 0xFFFF_0FF0L;
    dr[7] = 0x400;
    gdtBase = 0;
    gdtLimit = 0xFFFF;
    idtBase = 0;
    idtLimit = 0xFFFF;
    for (int seg = 0; seg < 6; seg++) {
      segments.set(seg, 0, 0, 0xFFFF, 0x93);
    }
    segments.set(DecodeContext.CS, 0xF000, 0xFFFF_0000L, 0xFFFF, 0x9B);
    segments.set(LDTR, 0, 0, 0xFFFF, 0x82);
    segments.set(TR, 0, 0, 0xFFFF, 0x8B);
    interruptShadow = false;
    nmiBlocked = false;
    activity = Activity.RUNNING;
    setCpl(0);
    mmu.flushAll();
    attention = true;
  }

  /** Sets the privilege level and what follows from it. */
  void setCpl(int level) {
    cpl = level;
    updateMode();
  }

  /** Recomputes what follows from CS, SS, CPL, CR0, EFER and RFLAGS.AC. */
  void updateMode() {
    boolean longMode = (efer & Cr.LMA) != 0;
    int cs = segAttributes[DecodeContext.CS];
    boolean stack32 = (segAttributes[DecodeContext.SS] & Segments.DB) != 0;
    int size;
    if (longMode && (cs & Segments.L) != 0) {
      codeBits = 64;
      stackMask = -1;
      size = MODE_64;
    } else {
      codeBits = (cs & Segments.DB) != 0 ? 32 : 16;
      stackMask = stack32 ? 0xFFFF_FFFFL : 0xFFFF;
      size = (codeBits == 32 ? 1 : 0) | (stack32 ? 4 : 0);
    }
    int user = cpl == 3 ? 1 : 0;
    mode = size | user * MODE_USER;
    blocks.modeChanged();
    tlb = mmu.everySlow() ? mmu.noTlb() : mmu.tlb(user);
  }

  boolean longMode() {
    return (efer & Cr.LMA) != 0;
  }

  boolean protectedMode() {
    return (cr0 & Cr.PE) != 0;
  }

  boolean virtual8086() {
    return (flagsRest & Flags.VM) != 0;
  }

  /** Returns what is added to RIP to fetch code: zero in 64-bit mode. */
  long codeBase() {
    return codeBits == 64 ? 0 : segBase[DecodeContext.CS];
  }

  int iopl() {
    return (int) (flagsRest >>> 12) & 3;
  }

  /** Returns RFLAGS in full. */
  long rflags() {
    return flagsRest | Flags.toRflags(flagResult, flagAux) | 2;
  }

  /** Sets all of RFLAGS; undefined bits are dropped. */
  void setRflags(long value) {
    setArithmeticFlags(value);
    long rest = value & Cr.RFLAGS_REST;
    long changed = rest ^ flagsRest;
    flagsRest = rest;
    if ((changed & (Flags.IF | Flags.TF | Flags.AC | Flags.VM)) != 0) {
      attention = true;
      if ((changed & Flags.AC) != 0) {
        updateMode();
      }
    }
  }

  /** Sets the arithmetic flags from RFLAGS bits. */
  void setArithmeticFlags(long rflags) {
    flagResult = Flags.resultFromRflags(rflags);
    flagAux = Flags.auxFromRflags(rflags);
  }

  /** Evaluates a condition code, 0–15. */
  boolean condition(int code) {
    return Flags.condition(code, flagResult, flagAux);
  }

  int read8(long lin) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at] == (lin & PAGE_MASK)) {
      return HostMemory.ALL.get(BYTE, tlb[at + Mmu.ADDEND] + lin) & 0xFF;
    }
    return (int) mmu.read(lin, 1);
  }

  int read16(long lin) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at] == (lin + 1 & PAGE_MASK)) {
      return HostMemory.ALL.get(SHORT, tlb[at + Mmu.ADDEND] + lin) & 0xFFFF;
    }
    return (int) mmu.read(lin, 2);
  }

  int read32(long lin) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at] == (lin + 3 & PAGE_MASK)) {
      return HostMemory.ALL.get(INT, tlb[at + Mmu.ADDEND] + lin);
    }
    return (int) mmu.read(lin, 4);
  }

  long read64(long lin) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at] == (lin + 7 & PAGE_MASK)) {
      return HostMemory.ALL.get(LONG, tlb[at + Mmu.ADDEND] + lin);
    }
    return mmu.read(lin, 8);
  }

  void write8(long lin, int value) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at + Mmu.WRITE_TAG] == (lin & PAGE_MASK)) {
      long hva = tlb[at + Mmu.ADDEND] + lin;
      VarHandle.releaseFence(); // stores stay in order
      HostMemory.ALL.set(BYTE, hva, (byte) value);
    } else {
      mmu.write(lin, 1, value);
    }
  }

  void write16(long lin, int value) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at + Mmu.WRITE_TAG] == (lin + 1 & PAGE_MASK)) {
      long hva = tlb[at + Mmu.ADDEND] + lin;
      VarHandle.releaseFence(); // stores stay in order
      HostMemory.ALL.set(SHORT, hva, (short) value);
    } else {
      mmu.write(lin, 2, value);
    }
  }

  void write32(long lin, int value) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at + Mmu.WRITE_TAG] == (lin + 3 & PAGE_MASK)) {
      long hva = tlb[at + Mmu.ADDEND] + lin;
      VarHandle.releaseFence(); // stores stay in order
      HostMemory.ALL.set(INT, hva, value);
    } else {
      mmu.write(lin, 4, value);
    }
  }

  void write64(long lin, long value) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at + Mmu.WRITE_TAG] == (lin + 7 & PAGE_MASK)) {
      long hva = tlb[at + Mmu.ADDEND] + lin;
      VarHandle.releaseFence(); // stores stay in order
      HostMemory.ALL.set(LONG, hva, value);
    } else {
      mmu.write(lin, 8, value);
    }
  }

  /** Reads 16 bytes to {@code into[at]} and {@code into[at + 1]}. */
  void read128(long lin, long[] into, int at) {
    long low = read64(lin);
    into[at + 1] = read64(lin + 8);
    into[at] = low;
  }

  /** Writes 16 bytes, all or nothing. */
  void write128(long lin, long low, long high) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at + Mmu.WRITE_TAG] == (lin + 15 & PAGE_MASK)) {
      long hva = tlb[at + Mmu.ADDEND] + lin;
      VarHandle.releaseFence(); // stores stay in order
      HostMemory.ALL.set(LONG, hva, low);
      HostMemory.ALL.set(LONG, hva + 8, high);
    } else {
      mmu.probeWrite(lin, 16);
      write64(lin, low);
      write64(lin + 8, high);
    }
  }

  /** Throws the fault that a write of {@code bytes} (1–4096) would raise; changes nothing. */
  void probeWrite(long lin, int bytes) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at + Mmu.WRITE_TAG] != (lin + bytes - 1 & PAGE_MASK)) {
      mmu.probeWrite(lin, bytes);
    }
  }

  /**
   * Returns the hva for a read within one page of RAM, or 0 (MMIO or page-crossing); faults as a
   * read would.
   */
  long readHva(long lin, int bytes) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at] == (lin + bytes - 1 & PAGE_MASK)) {
      return tlb[at + Mmu.ADDEND] + lin;
    }
    return mmu.readHva(lin, bytes);
  }

  /**
   * Returns the hva for a write or read-modify-write within one page of RAM, or 0 (MMIO,
   * page-crossing, a page with decoded code); faults as a write would.
   */
  long updateHva(long lin, int bytes) {
    int at = (int) (lin >>> 10) & Mmu.INDEX_MASK;
    if (tlb[at + Mmu.WRITE_TAG] == (lin + bytes - 1 & PAGE_MASK)) {
      return tlb[at + Mmu.ADDEND] + lin;
    }
    return mmu.updateHva(lin, bytes);
  }

  /** Marks the page dirty after a store through {@link #updateHva}. */
  void updated(long hva) {
    DirtyMap.markAt((hva >>> 12) + markBias);
  }

  /**
   * Returns the linear address after the checks of segment type and limit that legacy modes make
   * (SDM vol. 3A 5.3); throws #SS(0) for the stack segment, #GP(0) for others.
   */
  long checkedLinear(int segment, long offset, int bytes, boolean write) {
    if (codeBits == 64) {
      return segment < DecodeContext.FS ? offset : segBase[segment] + offset;
    }
    long last = write ? segLastWrite[segment] : segLastRead[segment];
    if (offset < segFirst[segment] || offset + bytes - 1 > last) {
      throw GuestFault.of(segment == DecodeContext.SS ? GuestFault.SS : GuestFault.GP);
    }
    return segBase[segment] + offset & 0xFFFF_FFFFL;
  }

  /** Pushes 2, 4 or 8 bytes. RSP changes only on success. */
  void push(int size, long value) {
    if (stackMask == -1) {
      long to = regs[4] - size;
      int at = (int) (to >>> 10) & Mmu.INDEX_MASK;
      if (size == 8 && tlb[at + Mmu.WRITE_TAG] == (to + 7 & PAGE_MASK)) {
        long hva = tlb[at + Mmu.ADDEND] + to;
        VarHandle.releaseFence();
        HostMemory.ALL.set(LONG, hva, value);
      } else {
        mmu.checkStack(to, size);
        mmu.write(to, size, value);
      }
      regs[4] = to;
    } else {
      long to = regs[4] - size & stackMask;
      mmu.write(checkedLinear(DecodeContext.SS, to, size, true), size, value);
      setStackPointer(to);
    }
  }

  /** Pops 2, 4 or 8 bytes, zero-extended. RSP changes only on success. */
  long pop(int size) {
    long from = regs[4] & stackMask;
    if (stackMask == -1) {
      int at = (int) (from >>> 10) & Mmu.INDEX_MASK;
      long value;
      if (size == 8 && tlb[at] == (from + 7 & PAGE_MASK)) {
        value = HostMemory.ALL.get(LONG, tlb[at + Mmu.ADDEND] + from);
      } else {
        mmu.checkStack(from, size);
        value = mmu.read(from, size);
      }
      regs[4] = from + size;
      return value;
    }
    long value = mmu.read(checkedLinear(DecodeContext.SS, from, size, false), size);
    setStackPointer(from + size);
    return value;
  }

  /** Reads the stack without popping, {@code offset} bytes above its top; for multi-part pops. */
  long peek(long offset, int size) {
    long from = regs[4] + offset & stackMask;
    if (stackMask == -1) {
      mmu.checkStack(from, size);
      return mmu.read(from, size);
    }
    return mmu.read(checkedLinear(DecodeContext.SS, from, size, false), size);
  }

  /**
   * Sets the stack pointer within the stack's width; the bits above stay (16) or become zero (32).
   */
  void setStackPointer(long value) {
    if (stackMask == 0xFFFF) {
      regs[4] = regs[4] & ~0xFFFFL | value & 0xFFFF;
    } else {
      regs[4] = value & stackMask;
    }
  }

  /** Reads a port, 1, 2 or 4 bytes, after the I/O permission check: #GP(0). */
  int in(int port, int size) {
    segments.checkIo(port, size);
    return ports.io().read(port, size);
  }

  /** Writes a port, 1, 2 or 4 bytes, after the I/O permission check: #GP(0). */
  void out(int port, int size, int value) {
    segments.checkIo(port, size);
    ports.io().write(port, size, value);
  }
}
