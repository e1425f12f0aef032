package dev.godwit.cpu.soft;

import dev.godwit.cpu.VcpuPorts;

/**
 * A vCPU's registers, and the accesses that its instructions make.
 *
 * <p>Fields are open to the package: they are the guest's registers, and the instruction nodes are written against them.
 * Confined to the vCPU's thread.
 */
final class SoftCpu {
  /** RAX RCX RDX RBX RSP RBP RSI RDI R8…R15 in encoding order; the 17th is always zero (no base, no index). */
  final long[] regs = new long[17];

  /** Offset of the next instruction in CS; stale within a block, see {@link Insn}. */
  long rip;

  /** See {@link Flags}. */
  long flagResult = 1;

  /** See {@link Flags}. */
  long flagAux;

  /** RFLAGS but for the six arithmetic flags and the fixed bit 1. */
  long flagsRest;

  /** Segment bases ES CS SS DS FS GS; the seventh is always zero (flat). */
  final long[] segBase = new long[7];

  /** XMM0–15, low and high halves: XMMn is at 2n and 2n + 1. */
  final long[] xmm = new long[32];

  /** MXCSR and SSE arithmetic. */
  final Sse sse = new Sse();

  /** The x87 and its registers, which are the MMX registers too. */
  final X87 x87 = new X87();

  /** Current privilege level, 0–3. */
  int cpl;

  long cr0;
  long cr4;

  final VcpuPorts ports;

  SoftCpu(VcpuPorts ports) {
    this.ports = ports;
  }

  /** Returns RFLAGS in full. */
  long rflags() {
    return flagsRest | Flags.toRflags(flagResult, flagAux) | 2;
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

  // The accesses below are identity-mapped until the MMU stands behind them: their signatures are the contract.

  int read8(long lin) {
    return ports.memory().read8(lin);
  }

  int read16(long lin) {
    return ports.memory().read16(lin);
  }

  int read32(long lin) {
    return ports.memory().read32(lin);
  }

  long read64(long lin) {
    return ports.memory().read64(lin);
  }

  void write8(long lin, int value) {
    ports.memory().write8(lin, value);
  }

  void write16(long lin, int value) {
    ports.memory().write16(lin, value);
  }

  void write32(long lin, int value) {
    ports.memory().write32(lin, value);
  }

  void write64(long lin, long value) {
    ports.memory().write64(lin, value);
  }

  /** Reads 16 bytes to {@code xmm[at]} and {@code xmm[at + 1]}. */
  void read128(long lin, long[] into, int at) {
    long low = read64(lin);
    into[at + 1] = read64(lin + 8);
    into[at] = low;
  }

  /** Writes 16 bytes, all or nothing. */
  void write128(long lin, long low, long high) {
    write64(lin, low);
    write64(lin + 8, high);
  }

  /** Throws the fault that a write of {@code bytes} would raise; changes nothing. */
  void probeWrite(long lin, int bytes) {
    updateHva(lin, bytes);
  }

  /** Returns the hva for a read within one page of RAM, or 0 (MMIO or page-crossing); faults as a read would. */
  long readHva(long lin, int bytes) {
    return ports.memory().isRam(lin, bytes) ? ports.memory().baseHva() + lin : 0;
  }

  /** Returns the hva for a read-modify-write within one page of RAM, or 0; faults as a write would. */
  long updateHva(long lin, int bytes) {
    return ports.memory().isRam(lin, bytes) ? ports.memory().baseHva() + lin : 0;
  }

  /** Marks the page dirty after a store through {@link #updateHva}. */
  void updated(long hva) {
    ports.memory().dirty().mark((hva - ports.memory().baseHva()) >>> 12);
  }

  /** Returns the linear address after the checks of segment type and limit that legacy modes make. */
  long checkedLinear(int segment, long offset, int bytes, boolean write) {
    return segBase[segment] + offset;
  }

  void push(int size, long value) {
    long to = regs[4] - size;
    if (size == 8) {
      write64(to, value);
    } else if (size == 4) {
      write32(to, (int) value);
    } else {
      write16(to, (int) value);
    }
    regs[4] = to;
  }

  long pop(int size) {
    long from = regs[4];
    long value = size == 8 ? read64(from) : size == 4 ? read32(from) & 0xFFFF_FFFFL : read16(from);
    regs[4] = from + size;
    return value;
  }

  int in(int port, int size) {
    return ports.io().read(port, size);
  }

  void out(int port, int size, int value) {
    ports.io().write(port, size, value);
  }
}
