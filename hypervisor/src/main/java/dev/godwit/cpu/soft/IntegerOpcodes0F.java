package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/** The two-byte opcodes (0F xx) of integer instructions (SDM vol. 2, table A-3). */
final class IntegerOpcodes0F {
  private IntegerOpcodes0F() {}

  /** Returns the node, or null if the opcode belongs to another family or means nothing. */
  static @Nullable Insn decode(DecodeContext d) {
    return switch (d.opcode() >> 4) {
      case 0x0 -> d.opcode() == 0x0D ? hint(d) : null;
      case 0x1 -> d.opcode() >= 0x18 ? hint(d) : null;
      case 0x4 -> conditionalMove(d);
      case 0x8 -> BranchNodes.jcc(d, IntegerOpcodes.displacement(d));
      case 0x9 -> setCondition(d);
      case 0xA -> rowA(d);
      case 0xB -> rowB(d);
      case 0xC -> rowC(d);
      default -> null;
    };
  }

  /**
   * Prefetches and reserved no-operations, ENDBR64 among them: the operand is decoded, not
   * accessed.
   */
  private static Insn hint(DecodeContext d) {
    d.modrm();
    return new MiscNodes.Nop(d);
  }

  private static Insn conditionalMove(DecodeContext d) {
    int bytes = d.operandSize();
    return bytes >= 4 && d.isRegister()
        ? new ConditionNodes.CmovReg(d, d.reg(), d.rm(), 8 * bytes)
        : new ConditionNodes.Cmov(d, Place.reg(d, bytes), Place.rm(d, bytes));
  }

  private static Insn setCondition(DecodeContext d) {
    Place target = Place.rm(d, 1);
    return target instanceof Place.Register r && r.isLowByte()
        ? new ConditionNodes.SetReg(d, r.number)
        : new ConditionNodes.Set(d, target);
  }

  private static @Nullable Insn rowA(DecodeContext d) {
    int bytes = d.operandSize();
    return switch (d.opcode()) {
      case 0xA3, 0xAB -> bit(d);
      case 0xA4, 0xAC -> {
        Place target = Place.rm(d, bytes);
        yield new ShiftNodes.DoubleShift(
            d, d.opcode() == 0xA4, target, Place.reg(d, bytes), false, d.imm8());
      }
      case 0xA5, 0xAD ->
          new ShiftNodes.DoubleShift(
              d, d.opcode() == 0xA5, Place.rm(d, bytes), Place.reg(d, bytes), true, 0);
      case 0xAF -> multiply(d, bytes);
      default -> null;
    };
  }

  private static Insn multiply(DecodeContext d, int bytes) {
    if (bytes == 8) {
      return d.isRegister()
          ? new MultiplyNodes.Imul64(d, d.reg(), d.rm())
          : new MultiplyNodes.Imul64M(d, d.reg(), d.mem());
    }
    return bytes == 4 && d.isRegister()
        ? new MultiplyNodes.Imul32(d, d.reg(), d.rm())
        : new MultiplyNodes.Imul2(d, Place.reg(d, bytes), Place.rm(d, bytes));
  }

  private static @Nullable Insn rowB(DecodeContext d) {
    int bytes = d.operandSize();
    return switch (d.opcode()) {
      case 0xB0 -> new ExchangeNodes.CmpXchg(d, Place.rm(d, 1), Place.reg(d, 1));
      case 0xB1 -> new ExchangeNodes.CmpXchg(d, Place.rm(d, bytes), Place.reg(d, bytes));
      case 0xB3, 0xBB -> bit(d);
      case 0xB6 -> IntegerOpcodes.moveZeroExtended(d, 1);
      case 0xB7 -> IntegerOpcodes.moveZeroExtended(d, 2);
      case 0xB8 ->
          d.rep() == 0xF3 ? new BitNodes.Popcnt(d, Place.reg(d, bytes), Place.rm(d, bytes)) : null;
      case 0xBA -> bitImmediate(d, bytes);
      // TZCNT and LZCNT are not advertised: with their prefix, these are still BSF and BSR.
      case 0xBC, 0xBD ->
          new BitNodes.Scan(d, d.opcode() == 0xBD, Place.reg(d, bytes), Place.rm(d, bytes));
      case 0xBE -> IntegerOpcodes.moveSigned(d, 1);
      case 0xBF -> IntegerOpcodes.moveSigned(d, 2);
      default -> null;
    };
  }

  /** BT, BTS, BTR and BTC with the index in a register. */
  private static Insn bit(DecodeContext d) {
    int bytes = d.operandSize();
    int kind = d.opcode() >> 3 & 3;
    if (!d.isRegister()) {
      return new BitNodes.BitString(d, kind, d.mem(), bytes, d.reg());
    }
    return kind == BitNodes.TEST
        ? new BitNodes.TestReg(d, d.rm(), d.reg(), 8 * bytes)
        : new BitNodes.ChangeReg(d, kind, Place.rm(d, bytes), d.reg());
  }

  private static @Nullable Insn bitImmediate(DecodeContext d, int bytes) {
    int operation = d.regField();
    if (operation < 4) {
      return null;
    }
    Place target = Place.rm(d, bytes);
    int index = d.imm8();
    int kind = operation & 3;
    return kind == BitNodes.TEST
        ? new BitNodes.TestImm(d, target, index)
        : new BitNodes.ChangeImm(d, kind, target, index);
  }

  private static @Nullable Insn rowC(DecodeContext d) {
    int bytes = d.operandSize();
    return switch (d.opcode()) {
      case 0xC0 -> new ExchangeNodes.Xadd(d, Place.rm(d, 1), Place.reg(d, 1));
      case 0xC1 -> new ExchangeNodes.Xadd(d, Place.rm(d, bytes), Place.reg(d, bytes));
      case 0xC3 -> storeNonTemporal(d);
      case 0xC7 -> compareExchangeWide(d);
      case 0xC2, 0xC4, 0xC5, 0xC6 -> null;
      default -> new ExchangeNodes.Bswap(d);
    };
  }

  private static @Nullable Insn storeNonTemporal(DecodeContext d) {
    if (d.isRegister() || d.hasOperandPrefix() || d.rep() != 0) {
      return null;
    }
    return d.rexW()
        ? new MoveNodes.M64R(d, d.mem(), d.reg())
        : new MoveNodes.M32R(d, d.mem(), d.reg());
  }

  private static @Nullable Insn compareExchangeWide(DecodeContext d) {
    if (d.regField() != 1 || d.isRegister()) {
      return null;
    }
    return d.rexW()
        ? new ExchangeNodes.CmpXchg16b(d, d.mem())
        : new ExchangeNodes.CmpXchg8b(d, Place.rm(d, 8));
  }
}
