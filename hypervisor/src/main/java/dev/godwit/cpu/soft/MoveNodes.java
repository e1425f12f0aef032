package dev.godwit.cpu.soft;

/** MOV, MOVZX, MOVSX, MOVSXD and LEA. Register numbers of byte operands stand for the low byte. */
final class MoveNodes {
  private MoveNodes() {}

  /**
   * A move between any two operands of the same or a smaller source width, zero or sign-extending.
   */
  static final class Places extends Insn {
    final Place target;
    final Place source;
    final boolean signed;

    Places(DecodeContext d, Place target, Place source, boolean signed) {
      super(d);
      this.target = target;
      this.source = source;
      this.signed = signed;
    }

    @Override
    void execute(SoftCpu c) {
      long value = source.get(c);
      target.set(c, signed ? Alu.signExtend(value, source.bits) : value);
    }
  }

  /** A move of an immediate to any operand. */
  static final class PlaceImm extends Insn {
    final Place target;
    final long imm;

    PlaceImm(DecodeContext d, Place target, long imm) {
      super(d);
      this.target = target;
      this.imm = imm;
    }

    @Override
    void execute(SoftCpu c) {
      target.set(c, imm);
    }
  }

  static final class R64R extends RegReg {
    R64R(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.regs[src];
    }
  }

  static final class R32R extends RegReg {
    R32R(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.regs[src] & 0xFFFF_FFFFL;
    }
  }

  /** A constant to a whole register: both MOV r64 and, with the upper half zero, MOV r32. */
  static final class RegConstant extends RegImm {
    RegConstant(DecodeContext d, int dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = imm;
    }
  }

  static final class R8R8 extends RegReg {
    R8R8(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.regs[dst] & ~0xFFL | c.regs[src] & 0xFF;
    }
  }

  static final class R64M extends RegMem {
    R64M(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.read64(src.forRead(c, 8));
    }
  }

  static final class R32M extends RegMem {
    R32M(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.read32(src.forRead(c, 4)) & 0xFFFF_FFFFL;
    }
  }

  static final class R8M extends RegMem {
    R8M(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.regs[dst] & ~0xFFL | c.read8(src.forRead(c, 1)) & 0xFF;
    }
  }

  static final class M64R extends MemReg {
    M64R(DecodeContext d, MemOperand dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.write64(dst.forWrite(c, 8), c.regs[src]);
    }
  }

  static final class M32R extends MemReg {
    M32R(DecodeContext d, MemOperand dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.write32(dst.forWrite(c, 4), (int) c.regs[src]);
    }
  }

  static final class M16R extends MemReg {
    M16R(DecodeContext d, MemOperand dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.write16(dst.forWrite(c, 2), (int) c.regs[src]);
    }
  }

  static final class M8R extends MemReg {
    M8R(DecodeContext d, MemOperand dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.write8(dst.forWrite(c, 1), (int) c.regs[src]);
    }
  }

  static final class M64I extends MemImm {
    M64I(DecodeContext d, MemOperand dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.write64(dst.forWrite(c, 8), imm);
    }
  }

  static final class M32I extends MemImm {
    M32I(DecodeContext d, MemOperand dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.write32(dst.forWrite(c, 4), (int) imm);
    }
  }

  static final class M8I extends MemImm {
    M8I(DecodeContext d, MemOperand dst, long imm) {
      super(d, dst, imm);
    }

    @Override
    void execute(SoftCpu c) {
      c.write8(dst.forWrite(c, 1), (int) imm);
    }
  }

  /** MOVZX of a low byte register to 32 or 64 bits. */
  static final class Zx8R extends RegReg {
    Zx8R(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.regs[src] & 0xFF;
    }
  }

  static final class Zx16R extends RegReg {
    Zx16R(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.regs[src] & 0xFFFF;
    }
  }

  static final class Zx8M extends RegMem {
    Zx8M(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.read8(src.forRead(c, 1)) & 0xFF;
    }
  }

  static final class Zx16M extends RegMem {
    Zx16M(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.read16(src.forRead(c, 2)) & 0xFFFF;
    }
  }

  static final class Sx8To64R extends RegReg {
    Sx8To64R(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = (byte) c.regs[src];
    }
  }

  static final class Sx8To32R extends RegReg {
    Sx8To32R(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = (byte) c.regs[src] & 0xFFFF_FFFFL;
    }
  }

  /** MOVSXD r64, r32. */
  static final class Sx32R extends RegReg {
    Sx32R(DecodeContext d, int dst, int src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = (int) c.regs[src];
    }
  }

  static final class Sx8To64M extends RegMem {
    Sx8To64M(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = (byte) c.read8(src.forRead(c, 1));
    }
  }

  static final class Sx8To32M extends RegMem {
    Sx8To32M(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = (byte) c.read8(src.forRead(c, 1)) & 0xFFFF_FFFFL;
    }
  }

  static final class Sx32M extends RegMem {
    Sx32M(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.read32(src.forRead(c, 4));
    }
  }

  static final class Lea64 extends RegMem {
    Lea64(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = src.offset(c);
    }
  }

  static final class Lea32 extends RegMem {
    Lea32(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = src.offset(c) & 0xFFFF_FFFFL;
    }
  }

  static final class Lea16 extends RegMem {
    Lea16(DecodeContext d, int dst, MemOperand src) {
      super(d, dst, src);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.regs[dst] & ~0xFFFFL | src.offset(c) & 0xFFFF;
    }
  }
}
