package dev.godwit.cpu.soft;

/**
 * Memory as destination (or as the first operand of a comparison), a general register as source.
 */
abstract class MemReg extends Insn {
  final MemOperand dst;
  final int src;

  MemReg(DecodeContext d, MemOperand dst, int src) {
    super(d);
    this.dst = dst;
    this.src = src;
  }
}
