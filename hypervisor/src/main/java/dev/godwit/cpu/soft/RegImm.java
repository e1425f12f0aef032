package dev.godwit.cpu.soft;

/** A general register and an immediate, sign-extended. */
abstract class RegImm extends Insn {
  final int dst;
  final long imm;

  RegImm(DecodeContext d, int dst, long imm) {
    super(d);
    this.dst = dst;
    this.imm = imm;
  }
}
