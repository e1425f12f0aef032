package dev.godwit.cpu.soft;

/**
 * Where a memory operand is: base + index · 2^scale + displacement, wrapped to the address size, in
 * a segment.
 *
 * <p>Absent parts point at registers and segments that are always zero, so the sum has no branches.
 */
final class MemOperand {
  final int base;
  final int index;
  final int scale;
  final long mask;
  final int segment;
  final boolean limited;
  long displacement;

  MemOperand(
      int base,
      int index,
      int scale,
      long displacement,
      int addressSize,
      int segment,
      boolean limited) {
    this.base = base;
    this.index = index;
    this.scale = scale;
    this.displacement = displacement;
    this.mask = addressSize == 8 ? -1 : (1L << (8 * addressSize)) - 1;
    this.segment = segment;
    this.limited = limited;
  }

  /** Makes a RIP-relative displacement absolute; once, at the end of decoding. */
  void relocate(long nextRip) {
    displacement += nextRip;
  }

  /** Returns the effective address: the offset in the segment, as LEA gives it. */
  long offset(SoftCpu c) {
    return (c.regs[base] + (c.regs[index] << scale) + displacement) & mask;
  }

  /**
   * Returns the linear address for a read of {@code bytes}; checks segment type and limit outside
   * 64-bit mode.
   */
  long forRead(SoftCpu c, int bytes) {
    long offset = offset(c);
    return limited ? c.checkedLinear(segment, offset, bytes, false) : c.segBase[segment] + offset;
  }

  /** Returns the linear address for a write, or a read-modify-write, of {@code bytes}. */
  long forWrite(SoftCpu c, int bytes) {
    long offset = offset(c);
    return limited ? c.checkedLinear(segment, offset, bytes, true) : c.segBase[segment] + offset;
  }

  /**
   * Returns the linear address of a neighbouring operand, {@code delta} bytes on (far pointers, bit
   * strings).
   */
  long forRead(SoftCpu c, long delta, int bytes) {
    long offset = (offset(c) + delta) & mask;
    return limited ? c.checkedLinear(segment, offset, bytes, false) : c.segBase[segment] + offset;
  }

  /** As {@link #forRead(SoftCpu, long, int)}, for a write. */
  long forWrite(SoftCpu c, long delta, int bytes) {
    long offset = (offset(c) + delta) & mask;
    return limited ? c.checkedLinear(segment, offset, bytes, true) : c.segBase[segment] + offset;
  }

  /** Returns the index of its segment in {@link SoftCpu#segBase}. */
  int segment() {
    return segment;
  }
}
