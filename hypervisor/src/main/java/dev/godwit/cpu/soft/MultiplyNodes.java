package dev.godwit.cpu.soft;

/** MUL, IMUL, DIV and IDIV. */
final class MultiplyNodes {
  private MultiplyNodes() {}

  static final class Imul64 extends RegReg {
    Imul64(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Multiply.imul(c, c.regs[dst], c.regs[src], 64);
    }
  }

  static final class Imul32 extends RegReg {
    Imul32(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Multiply.imul(c, c.regs[dst], c.regs[src], 32) & 0xFFFF_FFFFL;
    }
  }

  static final class Imul64M extends RegMem {
    Imul64M(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Multiply.imul(c, c.regs[dst], c.read64(src.forRead(c, 8)), 64);
    }
  }

  static final class Imul64Imm extends RegReg {
    final long imm;

    Imul64Imm(DecodeContext d, int dst, int src, long imm) {
      super(d, dst, src);
      this.imm = imm;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Multiply.imul(c, c.regs[src], imm, 64);
    }
  }

  /** IMUL with two operands of any width. */
  static final class Imul2 extends Insn {
    final Place target;
    final Place source;

    Imul2(DecodeContext d, Place target, Place source) {
      super(d);
      this.target = target;
      this.source = source;
    }

    @Override
    void execute(SoftCpu c) {
      target.set(c, Multiply.imul(c, target.get(c), source.get(c), target.bits));
    }
  }

  /** IMUL with three operands of any width. */
  static final class Imul3 extends Insn {
    final Place target;
    final Place source;
    final long imm;

    Imul3(DecodeContext d, Place target, Place source, long imm) {
      super(d);
      this.target = target;
      this.source = source;
      this.imm = imm;
    }

    @Override
    void execute(SoftCpu c) {
      target.set(c, Multiply.imul(c, source.get(c), imm, target.bits));
    }
  }

  /** The forms of F6 and F7 with one operand; {@code operation} is ModRM.reg, 4 to 7. */
  static final class Wide extends Insn {
    final int operation;
    final Place source;

    Wide(DecodeContext d, int operation, Place source) {
      super(d);
      this.operation = operation;
      this.source = source;
    }

    @Override
    void execute(SoftCpu c) {
      long value = source.get(c);
      switch (operation) {
        case 4 -> Multiply.mulWide(c, value, source.bits);
        case 5 -> Multiply.imulWide(c, value, source.bits);
        case 6 -> Multiply.div(c, value, source.bits);
        default -> Multiply.idiv(c, value, source.bits);
      }
    }
  }
}
