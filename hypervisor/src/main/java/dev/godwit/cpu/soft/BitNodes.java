package dev.godwit.cpu.soft;

/** BT, BTS, BTR, BTC, BSF, BSR and POPCNT. */
final class BitNodes {
  static final int TEST = 0;
  static final int SET = 1;
  static final int RESET = 2;

  /** BTC; the numbers are those of ModRM.reg of 0F BA, modulo 4. */
  static final int COMPLEMENT = 3;

  private BitNodes() {}

  /**
   * Sets CF to a bit of {@code old}, as all four do, and returns {@code old} with that bit changed.
   */
  private static long change(SoftCpu c, int kind, long old, int index) {
    long bit = 1L << index;
    Alu.setCarry(c, (old & bit) != 0);
    return switch (kind) {
      case SET -> old | bit;
      case RESET -> old & ~bit;
      case COMPLEMENT -> old ^ bit;
      default -> old;
    };
  }

  /** BT with an immediate index. */
  static final class TestImm extends Insn {
    final Place source;
    final int index;

    TestImm(DecodeContext d, Place source, int imm) {
      super(d);
      this.source = source;
      this.index = imm & source.bits - 1;
    }

    @Override
    void execute(SoftCpu c) {
      change(c, TEST, source.get(c), index);
    }
  }

  /** BTS, BTR and BTC with an immediate index. */
  static final class ChangeImm extends Update {
    final int kind;
    final int index;

    ChangeImm(DecodeContext d, int kind, Place target, int imm) {
      super(d, target);
      this.kind = kind;
      this.index = imm & target.bits - 1;
    }

    @Override
    long compute(SoftCpu c, long old) {
      return change(c, kind, old, index);
    }
  }

  /** BT of a register with the index in a register. */
  static final class TestReg extends RegReg {
    final int indexMask;

    TestReg(DecodeContext d, int dst, int src, int bits) {
      super(d, dst, src);
      this.indexMask = bits - 1;
    }

    @Override
    void execute(SoftCpu c) {
      Alu.setCarry(c, (c.regs[dst] >>> ((int) c.regs[src] & indexMask) & 1) != 0);
    }
  }

  /** BTS, BTR and BTC of a register with the index in a register. */
  static final class ChangeReg extends Update {
    final int kind;
    final int src;

    ChangeReg(DecodeContext d, int kind, Place target, int src) {
      super(d, target);
      this.kind = kind;
      this.src = src;
    }

    @Override
    long compute(SoftCpu c, long old) {
      return change(c, kind, old, (int) c.regs[src] & target.bits - 1);
    }
  }

  /**
   * All four on a bit string in memory: the signed index in a register reaches beyond the operand.
   */
  static final class BitString extends Update {
    final int kind;
    final MemOperand operand;
    final int src;
    final boolean locked;

    BitString(DecodeContext d, int kind, MemOperand operand, int bytes, int src) {
      super(d, new Place.Memory(operand, bytes, d.hasLock()));
      this.kind = kind;
      this.operand = operand;
      this.src = src;
      this.locked = d.hasLock();
    }

    @Override
    void execute(SoftCpu c) {
      int bytes = target.bytes;
      long index = Alu.signExtend(c.regs[src], target.bits);
      long delta = Math.floorDiv(index, target.bits) * bytes;
      if (kind == TEST) {
        compute(c, Place.read(c, operand.forRead(c, delta, bytes), bytes));
      } else {
        Place.updateAt(c, operand.forWrite(c, delta, bytes), bytes, locked, this);
      }
    }

    @Override
    long compute(SoftCpu c, long old) {
      return change(c, kind, old, (int) c.regs[src] & target.bits - 1);
    }
  }

  /**
   * BSF and BSR: a zero source sets ZF and leaves the destination as it is. The other flags,
   * undefined, stay.
   */
  static final class Scan extends Insn {
    final boolean reverse;
    final Place target;
    final Place source;

    Scan(DecodeContext d, boolean reverse, Place target, Place source) {
      super(d);
      this.reverse = reverse;
      this.target = target;
      this.source = source;
    }

    @Override
    void execute(SoftCpu c) {
      long value = source.get(c);
      Alu.setZero(c, value == 0);
      if (value != 0) {
        target.set(
            c, reverse ? 63 - Long.numberOfLeadingZeros(value) : Long.numberOfTrailingZeros(value));
      }
    }
  }

  /** POPCNT: ZF says that the source is zero, the other five flags are cleared. */
  static final class Popcnt extends Insn {
    final Place target;
    final Place source;

    Popcnt(DecodeContext d, Place target, Place source) {
      super(d);
      this.target = target;
      this.source = source;
    }

    @Override
    void execute(SoftCpu c) {
      long value = source.get(c);
      target.set(c, Long.bitCount(value));
      c.setArithmeticFlags(value == 0 ? Flags.ZF : 0);
    }
  }
}
