package dev.godwit.cpu.soft;

/**
 * Memory as destination (or as the first operand of a comparison), an immediate as source,
 * sign-extended.
 */
abstract class MemImm extends Insn {
  final MemOperand dst;
  final long imm;

  MemImm(DecodeContext d, MemOperand dst, long imm) {
    super(d);
    this.dst = dst;
    this.imm = imm;
  }
}
