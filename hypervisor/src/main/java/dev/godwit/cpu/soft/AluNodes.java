package dev.godwit.cpu.soft;

/**
 * Arithmetic in its generic forms (any width, memory destinations, LOCK), and the hot forms with
 * one operand.
 */
final class AluNodes {
  private AluNodes() {}

  /** One of the operations of {@link Alu} but CMP, with any source. */
  static final class UpdatePlace extends Update {
    final int operation;
    final Place source;

    UpdatePlace(DecodeContext d, int operation, Place target, Place source) {
      super(d, target);
      this.operation = operation;
      this.source = source;
    }

    @Override
    long compute(SoftCpu c, long old) {
      return Alu.apply(operation, c, old, source.get(c), target.bits);
    }
  }

  /** One of the operations of {@link Alu} but CMP, with an immediate. */
  static final class UpdateImm extends Update {
    final int operation;
    final long imm;

    UpdateImm(DecodeContext d, int operation, Place target, long imm) {
      super(d, target);
      this.operation = operation;
      this.imm = imm;
    }

    @Override
    long compute(SoftCpu c, long old) {
      return Alu.apply(operation, c, old, imm, target.bits);
    }
  }

  static final class Inc extends Update {
    Inc(DecodeContext d, Place target) {
      super(d, target);
    }

    @Override
    long compute(SoftCpu c, long old) {
      return Alu.inc(c, old, target.bits);
    }
  }

  static final class Dec extends Update {
    Dec(DecodeContext d, Place target) {
      super(d, target);
    }

    @Override
    long compute(SoftCpu c, long old) {
      return Alu.dec(c, old, target.bits);
    }
  }

  static final class Not extends Update {
    Not(DecodeContext d, Place target) {
      super(d, target);
    }

    @Override
    long compute(SoftCpu c, long old) {
      return ~old;
    }
  }

  static final class Neg extends Update {
    Neg(DecodeContext d, Place target) {
      super(d, target);
    }

    @Override
    long compute(SoftCpu c, long old) {
      return Alu.neg(c, old, target.bits);
    }
  }

  /** A form whose only operand is a 32 or 64-bit register. */
  abstract static class OneReg extends Insn {
    final int dst;

    OneReg(DecodeContext d, int dst) {
      super(d);
      this.dst = dst;
    }
  }

  static final class Inc64 extends OneReg {
    Inc64(DecodeContext d, int dst) {
      super(d, dst);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.inc(c, c.regs[dst], 64);
    }
  }

  static final class Inc32 extends OneReg {
    Inc32(DecodeContext d, int dst) {
      super(d, dst);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.inc(c, c.regs[dst], 32) & 0xFFFF_FFFFL;
    }
  }

  static final class Dec64 extends OneReg {
    Dec64(DecodeContext d, int dst) {
      super(d, dst);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.dec(c, c.regs[dst], 64);
    }
  }

  static final class Dec32 extends OneReg {
    Dec32(DecodeContext d, int dst) {
      super(d, dst);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.dec(c, c.regs[dst], 32) & 0xFFFF_FFFFL;
    }
  }

  static final class Not64 extends OneReg {
    Not64(DecodeContext d, int dst) {
      super(d, dst);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = ~c.regs[dst];
    }
  }

  static final class Neg32 extends OneReg {
    Neg32(DecodeContext d, int dst) {
      super(d, dst);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.neg(c, c.regs[dst], 32) & 0xFFFF_FFFFL;
    }
  }

  static final class Neg64 extends OneReg {
    Neg64(DecodeContext d, int dst) {
      super(d, dst);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.neg(c, c.regs[dst], 64);
    }
  }

  /** INC of a register in {@code bits} 32 or 64, else of any place. */
  static Insn inc(DecodeContext d, Place target) {
    return target instanceof Place.Register r && r.bytes >= 4
        ? r.bytes == 8 ? new Inc64(d, r.number) : new Inc32(d, r.number)
        : new Inc(d, target);
  }

  static Insn dec(DecodeContext d, Place target) {
    return target instanceof Place.Register r && r.bytes >= 4
        ? r.bytes == 8 ? new Dec64(d, r.number) : new Dec32(d, r.number)
        : new Dec(d, target);
  }

  static Insn not(DecodeContext d, Place target) {
    return target instanceof Place.Register r && r.bytes == 8
        ? new Not64(d, r.number)
        : new Not(d, target);
  }

  static Insn neg(DecodeContext d, Place target) {
    return target instanceof Place.Register r && r.bytes >= 4
        ? r.bytes == 8 ? new Neg64(d, r.number) : new Neg32(d, r.number)
        : new Neg(d, target);
  }
}
