package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/**
 * The source operand of a SIMD instruction: an XMM or MMX register, or memory.
 *
 * <p>A 128-bit memory source of an arithmetic instruction must be aligned (SDM vol. 1 4.1.1); it
 * never crosses a page then, so reading it in halves is exact.
 */
final class SimdSource {
  /**
   * Index of the low half in {@link SoftCpu#xmm}, or the MMX register's number; meaningless for
   * memory.
   */
  final int register;

  final @Nullable MemOperand memory;

  private SimdSource(int register, @Nullable MemOperand memory) {
    this.register = register;
    this.memory = memory;
  }

  /** ModRM.rm as an XMM register or memory. */
  static SimdSource xmm(DecodeContext d) {
    return d.isRegister() ? new SimdSource(2 * d.rm(), null) : new SimdSource(0, d.mem());
  }

  /** ModRM.rm as an MMX register or memory. */
  static SimdSource mmx(DecodeContext d) {
    return d.isRegister() ? new SimdSource(d.rmField(), null) : new SimdSource(0, d.mem());
  }

  /**
   * Returns where 16 aligned bytes are, to read them with two {@link #half} calls; 0 for a
   * register.
   */
  long locate(SoftCpu c) {
    return memory == null ? 0 : Sse.alignedRead(c, memory);
  }

  /** Returns the low (0) or high (1) half of a 128-bit source that {@link #locate} found. */
  long half(SoftCpu c, long lin, int which) {
    return memory == null ? c.xmm[register + which] : c.read64(lin + 8 * which);
  }

  /**
   * Returns one half of a 128-bit source of which the other is not used; faults as the whole would.
   */
  long onlyHalf(SoftCpu c, int which) {
    long lin = locate(c);
    long low = half(c, lin, 0);
    return which == 0 ? low : half(c, lin, 1);
  }

  /** Returns 64 bits: the register's low half, or 8 bytes of memory. */
  long low64(SoftCpu c) {
    return memory == null ? c.xmm[register] : c.read64(memory.forRead(c, 8));
  }

  /** Returns 32 bits: the register's low quarter, or 4 bytes of memory. */
  int low32(SoftCpu c) {
    return memory == null ? (int) c.xmm[register] : c.read32(memory.forRead(c, 4));
  }

  /** Returns 16 bits, zero-extended: the register's lowest, or 2 bytes of memory. */
  int low16(SoftCpu c) {
    return memory == null ? (int) c.xmm[register] & 0xFFFF : c.read16(memory.forRead(c, 2));
  }

  /** Returns an MMX register, or 8 bytes of memory. */
  long mmx(SoftCpu c) {
    return memory == null ? c.x87.mmx(register) : c.read64(memory.forRead(c, 8));
  }

  /** Returns the low half of an MMX register, or 4 bytes of memory, zero-extended. */
  long mmxLow32(SoftCpu c) {
    return (memory == null ? c.x87.mmx(register) : c.read32(memory.forRead(c, 4))) & 0xFFFF_FFFFL;
  }
}
