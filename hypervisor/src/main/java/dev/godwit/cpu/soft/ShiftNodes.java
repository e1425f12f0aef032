package dev.godwit.cpu.soft;

/**
 * Shifts and rotates: hot forms with an immediate count on whole registers, and the generic ones.
 */
final class ShiftNodes {
  private static final int RCX = 1;

  private ShiftNodes() {}

  /** Any shift or rotate by an immediate. */
  static final class ByImm extends Update {
    final int operation;
    final int count;

    ByImm(DecodeContext d, int operation, Place target, int count) {
      super(d, target);
      this.operation = operation;
      this.count = count;
    }

    @Override
    long compute(SoftCpu c, long old) {
      return Shift.apply(operation, c, old, count, target.bits);
    }
  }

  /** Any shift or rotate by CL. */
  static final class ByCl extends Update {
    final int operation;

    ByCl(DecodeContext d, int operation, Place target) {
      super(d, target);
      this.operation = operation;
    }

    @Override
    long compute(SoftCpu c, long old) {
      return Shift.apply(operation, c, old, (int) c.regs[RCX], target.bits);
    }
  }

  /** SHLD and SHRD by an immediate or by CL. */
  static final class DoubleShift extends Update {
    final boolean left;
    final Place source;
    final boolean byCl;
    final int count;

    DoubleShift(
        DecodeContext d, boolean left, Place target, Place source, boolean byCl, int count) {
      super(d, target);
      this.left = left;
      this.source = source;
      this.byCl = byCl;
      this.count = count;
    }

    @Override
    long compute(SoftCpu c, long old) {
      int n = byCl ? (int) c.regs[RCX] : count;
      long fill = source.get(c);
      return left
          ? Shift.shld(c, old, fill, n, target.bits)
          : Shift.shrd(c, old, fill, n, target.bits);
    }
  }

  /** Returns the node of a shift or rotate by an immediate. */
  static Insn byImm(DecodeContext d, int operation, Place target, int count) {
    if (target instanceof Place.Register r && r.bytes == 8) {
      switch (operation) {
        case Shift.SHL, 6 -> {
          return new Shl64(d, r.number, count);
        }
        case Shift.SHR -> {
          return new Shr64(d, r.number, count);
        }
        case Shift.SAR -> {
          return new Sar64(d, r.number, count);
        }
        default -> {}
      }
    }
    if (target instanceof Place.Register r && r.bytes == 4) {
      switch (operation) {
        case Shift.ROL -> {
          return new Rol32(d, r.number, count);
        }
        case Shift.ROR -> {
          return new Ror32(d, r.number, count);
        }
        case Shift.SHL, 6 -> {
          return new Shl32(d, r.number, count);
        }
        case Shift.SHR -> {
          return new Shr32(d, r.number, count);
        }
        case Shift.SAR -> {
          return new Sar32(d, r.number, count);
        }
        default -> {}
      }
    }
    return new ByImm(d, operation, target, count);
  }

  static final class Shl64 extends RegImm {
    final int count;

    Shl64(DecodeContext d, int dst, int count) {
      super(d, dst, count);
      this.count = count;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Shift.shl(c, c.regs[dst], count, 64);
    }
  }

  static final class Shr64 extends RegImm {
    final int count;

    Shr64(DecodeContext d, int dst, int count) {
      super(d, dst, count);
      this.count = count;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Shift.shr(c, c.regs[dst], count, 64);
    }
  }

  static final class Sar64 extends RegImm {
    final int count;

    Sar64(DecodeContext d, int dst, int count) {
      super(d, dst, count);
      this.count = count;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Shift.sar(c, c.regs[dst], count, 64);
    }
  }

  static final class Shl32 extends RegImm {
    final int count;

    Shl32(DecodeContext d, int dst, int count) {
      super(d, dst, count);
      this.count = count;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Shift.shl(c, c.regs[dst], count, 32) & 0xFFFF_FFFFL;
    }
  }

  static final class Shr32 extends RegImm {
    final int count;

    Shr32(DecodeContext d, int dst, int count) {
      super(d, dst, count);
      this.count = count;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Shift.shr(c, c.regs[dst], count, 32) & 0xFFFF_FFFFL;
    }
  }

  static final class Sar32 extends RegImm {
    final int count;

    Sar32(DecodeContext d, int dst, int count) {
      super(d, dst, count);
      this.count = count;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Shift.sar(c, c.regs[dst], count, 32) & 0xFFFF_FFFFL;
    }
  }

  static final class Rol32 extends RegImm {
    final int count;

    Rol32(DecodeContext d, int dst, int count) {
      super(d, dst, count);
      this.count = count;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Shift.rol(c, c.regs[dst], count, 32) & 0xFFFF_FFFFL;
    }
  }

  static final class Ror32 extends RegImm {
    final int count;

    Ror32(DecodeContext d, int dst, int count) {
      super(d, dst, count);
      this.count = count;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Shift.ror(c, c.regs[dst], count, 32) & 0xFFFF_FFFFL;
    }
  }
}
