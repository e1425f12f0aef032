package dev.godwit.cpu.soft;

/** CMOVcc and SETcc. */
final class ConditionNodes {
  private ConditionNodes() {}

  /**
   * CMOVcc between registers of 32 or 64 bits; with 32 the upper half is cleared even if the
   * condition is false.
   */
  static final class CmovReg extends RegReg {
    final int condition;
    final long mask;

    CmovReg(DecodeContext d, int dst, int src, int bits) {
      super(d, dst, src);
      this.condition = d.opcode() & 15;
      this.mask = Alu.zeroExtend(-1, bits);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.regs[c.condition(condition) ? src : dst] & mask;
    }
  }

  /**
   * CMOVcc in any other form; a memory source is read, and may fault, even if the condition is
   * false.
   */
  static final class Cmov extends Insn {
    final int condition;
    final Place target;
    final Place source;

    Cmov(DecodeContext d, Place target, Place source) {
      super(d);
      this.condition = d.opcode() & 15;
      this.target = target;
      this.source = source;
    }

    @Override
    void execute(SoftCpu c) {
      long value = source.get(c);
      target.set(c, c.condition(condition) ? value : target.get(c));
    }
  }

  /** SETcc of a low byte register. */
  static final class SetReg extends Insn {
    final int condition;
    final int dst;

    SetReg(DecodeContext d, int dst) {
      super(d);
      this.condition = d.opcode() & 15;
      this.dst = dst;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.regs[dst] & ~0xFFL | (c.condition(condition) ? 1 : 0);
    }
  }

  /** SETcc of any byte. */
  static final class Set extends Insn {
    final int condition;
    final Place target;

    Set(DecodeContext d, Place target) {
      super(d);
      this.condition = d.opcode() & 15;
      this.target = target;
    }

    @Override
    void execute(SoftCpu c) {
      target.set(c, c.condition(condition) ? 1 : 0);
    }
  }
}
