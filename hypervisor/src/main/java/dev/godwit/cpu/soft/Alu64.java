package dev.godwit.cpu.soft;

/**
 * 64-bit arithmetic with a register destination: one class an operation and form, because these are
 * most of what a guest executes. RR is register with register, RI with an immediate, RM with
 * memory.
 */
final class Alu64 {
  private Alu64() {}

  /** Returns the node of {@code operation} (see {@link Alu}) on two registers. */
  static Insn rr(DecodeContext d, int operation, int dst, int src) {
    return switch (operation) {
      case Alu.ADD -> new AddRR(d, dst, src);
      case Alu.OR -> new OrRR(d, dst, src);
      case Alu.ADC -> new AdcRR(d, dst, src);
      case Alu.SBB -> new SbbRR(d, dst, src);
      case Alu.AND -> new AndRR(d, dst, src);
      case Alu.SUB -> new SubRR(d, dst, src);
      case Alu.XOR -> dst == src ? new Zero(d, dst) : new XorRR(d, dst, src);
      default -> new CmpRR(d, dst, src);
    };
  }

  /** Returns the node of {@code operation} on a register and an immediate. */
  static Insn ri(DecodeContext d, int operation, int dst, long imm) {
    return switch (operation) {
      case Alu.ADD -> new AddRI(d, dst, imm);
      case Alu.OR -> new OrRI(d, dst, imm);
      case Alu.ADC -> new AdcRI(d, dst, imm);
      case Alu.SBB -> new SbbRI(d, dst, imm);
      case Alu.AND -> new AndRI(d, dst, imm);
      case Alu.SUB -> new SubRI(d, dst, imm);
      case Alu.XOR -> new XorRI(d, dst, imm);
      default -> new CmpRI(d, dst, imm);
    };
  }

  /** Returns the node of {@code operation} on a register and memory. */
  static Insn rm(DecodeContext d, int operation, int dst, MemOperand src) {
    return switch (operation) {
      case Alu.ADD -> new AddRM(d, dst, src);
      case Alu.OR -> new OrRM(d, dst, src);
      case Alu.ADC -> new AdcRM(d, dst, src);
      case Alu.SBB -> new SbbRM(d, dst, src);
      case Alu.AND -> new AndRM(d, dst, src);
      case Alu.SUB -> new SubRM(d, dst, src);
      case Alu.XOR -> new XorRM(d, dst, src);
      default -> new CmpRM(d, dst, src);
    };
  }

  /** XOR of a register with itself. */
  static final class Zero extends Insn {
    final int dst;

    Zero(DecodeContext d, int dst) {
      super(d);
      this.dst = dst;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = 0;
      Alu.logic(c, 0);
    }
  }

  static final class AddRR extends RegReg {
    AddRR(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.add(c, c.regs[dst], c.regs[src], 64);
    }
  }

  static final class AddRI extends RegImm {
    AddRI(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.add(c, c.regs[dst], imm, 64);
    }
  }

  static final class AddRM extends RegMem {
    AddRM(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.add(c, c.regs[dst], c.read64(src.forRead(c, 8)), 64);
    }
  }

  static final class OrRR extends RegReg {
    OrRR(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.or(c, c.regs[dst], c.regs[src], 64);
    }
  }

  static final class OrRI extends RegImm {
    OrRI(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.or(c, c.regs[dst], imm, 64);
    }
  }

  static final class OrRM extends RegMem {
    OrRM(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.or(c, c.regs[dst], c.read64(src.forRead(c, 8)), 64);
    }
  }

  static final class AdcRR extends RegReg {
    AdcRR(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.adc(c, c.regs[dst], c.regs[src], 64);
    }
  }

  static final class AdcRI extends RegImm {
    AdcRI(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.adc(c, c.regs[dst], imm, 64);
    }
  }

  static final class AdcRM extends RegMem {
    AdcRM(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.adc(c, c.regs[dst], c.read64(src.forRead(c, 8)), 64);
    }
  }

  static final class SbbRR extends RegReg {
    SbbRR(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.sbb(c, c.regs[dst], c.regs[src], 64);
    }
  }

  static final class SbbRI extends RegImm {
    SbbRI(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.sbb(c, c.regs[dst], imm, 64);
    }
  }

  static final class SbbRM extends RegMem {
    SbbRM(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.sbb(c, c.regs[dst], c.read64(src.forRead(c, 8)), 64);
    }
  }

  static final class AndRR extends RegReg {
    AndRR(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.and(c, c.regs[dst], c.regs[src], 64);
    }
  }

  static final class AndRI extends RegImm {
    AndRI(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.and(c, c.regs[dst], imm, 64);
    }
  }

  static final class AndRM extends RegMem {
    AndRM(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.and(c, c.regs[dst], c.read64(src.forRead(c, 8)), 64);
    }
  }

  static final class SubRR extends RegReg {
    SubRR(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.sub(c, c.regs[dst], c.regs[src], 64);
    }
  }

  static final class SubRI extends RegImm {
    SubRI(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.sub(c, c.regs[dst], imm, 64);
    }
  }

  static final class SubRM extends RegMem {
    SubRM(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.sub(c, c.regs[dst], c.read64(src.forRead(c, 8)), 64);
    }
  }

  static final class XorRR extends RegReg {
    XorRR(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.xor(c, c.regs[dst], c.regs[src], 64);
    }
  }

  static final class XorRI extends RegImm {
    XorRI(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.xor(c, c.regs[dst], imm, 64);
    }
  }

  static final class XorRM extends RegMem {
    XorRM(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Alu.xor(c, c.regs[dst], c.read64(src.forRead(c, 8)), 64);
    }
  }

  static final class CmpRR extends RegReg {
    CmpRR(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.regs[dst], c.regs[src], 64);
    }
  }

  static final class CmpRI extends RegImm {
    CmpRI(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.regs[dst], imm, 64);
    }
  }

  static final class CmpRM extends RegMem {
    CmpRM(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.regs[dst], c.read64(src.forRead(c, 8)), 64);
    }
  }

  static final class TestRR extends RegReg {
    TestRR(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.and(c, c.regs[dst], c.regs[src], 64);
    }
  }

  static final class TestRI extends RegImm {
    TestRI(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.and(c, c.regs[dst], imm, 64);
    }
  }
}
