package dev.godwit.cpu.soft;

/** Two general registers: the destination's number and the source's. */
abstract class RegReg extends Insn {
  final int dst;
  final int src;

  RegReg(DecodeContext d, int dst, int src) {
    super(d);
    this.dst = dst;
    this.src = src;
  }
}
