package dev.godwit.cpu.soft;

/**
 * CMP and TEST: no destination. Forms with a register first are in {@link Alu32} and {@link Alu64}.
 */
final class CompareNodes {
  private CompareNodes() {}

  /** CMP or TEST of two operands of any width. */
  static final class Places extends Insn {
    final boolean test;
    final Place first;
    final Place second;

    Places(DecodeContext d, boolean test, Place first, Place second) {
      super(d);
      this.test = test;
      this.first = first;
      this.second = second;
    }

    @Override
    void execute(SoftCpu c) {
      long a = first.get(c);
      long b = second.get(c);
      if (test) {
        Alu.and(c, a, b, first.bits);
      } else {
        Alu.sub(c, a, b, first.bits);
      }
    }
  }

  /** CMP or TEST of an operand of any width with an immediate. */
  static final class PlaceImm extends Insn {
    final boolean test;
    final Place first;
    final long imm;

    PlaceImm(DecodeContext d, boolean test, Place first, long imm) {
      super(d);
      this.test = test;
      this.first = first;
      this.imm = imm;
    }

    @Override
    void execute(SoftCpu c) {
      if (test) {
        Alu.and(c, first.get(c), imm, first.bits);
      } else {
        Alu.sub(c, first.get(c), imm, first.bits);
      }
    }
  }

  /** CMP of a low byte register (not AH, CH, DH, BH) with an immediate. */
  static final class CmpR8I extends RegImm {
    CmpR8I(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.regs[dst], imm, 8);
    }
  }

  /** TEST of a low byte register with an immediate. */
  static final class TestR8I extends RegImm {
    TestR8I(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.and(c, c.regs[dst], imm, 8);
    }
  }

  /** TEST of two low byte registers. */
  static final class TestR8R8 extends RegReg {
    TestR8R8(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.and(c, c.regs[dst], c.regs[src], 8);
    }
  }

  /** CMP of two low byte registers. */
  static final class CmpR8R8 extends RegReg {
    CmpR8R8(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.regs[dst], c.regs[src], 8);
    }
  }

  /** CMP of a low byte register with memory. */
  static final class CmpR8M extends RegMem {
    CmpR8M(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.regs[dst], c.read8(src.forRead(c, 1)), 8);
    }
  }

  static final class CmpM8I extends MemImm {
    CmpM8I(DecodeContext d, MemOperand dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.read8(dst.forRead(c, 1)), imm, 8);
    }
  }

  static final class TestM8I extends MemImm {
    TestM8I(DecodeContext d, MemOperand dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.and(c, c.read8(dst.forRead(c, 1)), imm, 8);
    }
  }

  static final class TestM32I extends MemImm {
    TestM32I(DecodeContext d, MemOperand dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.and(c, c.read32(dst.forRead(c, 4)), imm, 32);
    }
  }

  static final class CmpM32I extends MemImm {
    CmpM32I(DecodeContext d, MemOperand dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.read32(dst.forRead(c, 4)), imm, 32);
    }
  }

  static final class TestM64I extends MemImm {
    TestM64I(DecodeContext d, MemOperand dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.and(c, c.read64(dst.forRead(c, 8)), imm, 64);
    }
  }

  static final class CmpM64I extends MemImm {
    CmpM64I(DecodeContext d, MemOperand dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.read64(dst.forRead(c, 8)), imm, 64);
    }
  }

  static final class CmpM32R extends MemReg {
    CmpM32R(DecodeContext d, MemOperand dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.read32(dst.forRead(c, 4)), c.regs[src], 32);
    }
  }

  static final class CmpM64R extends MemReg {
    CmpM64R(DecodeContext d, MemOperand dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      Alu.sub(c, c.read64(dst.forRead(c, 8)), c.regs[src], 64);
    }
  }
}
