package dev.godwit.cpu.soft;

/** A general register as destination, memory as source. */
abstract class RegMem extends Insn {
  final int dst;
  final MemOperand src;

  RegMem(DecodeContext d, int dst, MemOperand src) {
    super(d);
    this.dst = dst;
    this.src = src;
  }
}
