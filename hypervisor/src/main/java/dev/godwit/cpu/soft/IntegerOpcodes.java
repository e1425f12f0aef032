package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/** The one-byte opcodes of integer instructions (SDM vol. 2, table A-2). */
final class IntegerOpcodes {
  private IntegerOpcodes() {}

  /** Returns the node, or null if the opcode belongs to another family or means nothing. */
  static @Nullable Insn decode(DecodeContext d) {
    int opcode = d.opcode();
    if (opcode < 0x40) {
      return (opcode & 7) < 6 ? arithmetic(d) : d.is64() ? null : decimal(d);
    }
    return switch (opcode >> 4) {
      case 0x4 -> incDec(d);
      case 0x5 -> pushPop(d);
      case 0x6 -> row6(d);
      case 0x7 -> BranchNodes.jcc(d, d.imm8());
      case 0x8 -> row8(d);
      case 0x9 -> row9(d);
      case 0xA -> rowA(d);
      case 0xB -> moveImmediate(d);
      case 0xC -> rowC(d);
      case 0xD -> rowD(d);
      case 0xE -> rowE(d);
      default -> rowF(d);
    };
  }

  /** Returns the width that bit 0 of an opcode selects: 1 or the operand size. */
  static int width(DecodeContext d) {
    return (d.opcode() & 1) == 0 ? 1 : d.operandSize();
  }

  /** Reads the immediate of that width: 8 bits, or 16 or 32, sign-extended. */
  private static long immediate(DecodeContext d, int bytes) {
    return bytes == 1 ? d.imm8() : d.immz();
  }

  /** Reads the displacement of a near branch with the wide form. */
  static long displacement(DecodeContext d) {
    return d.is64() ? d.imm32() : d.immz();
  }

  /**
   * Says whether a byte register's number stands for the low byte of the register of that number.
   */
  private static boolean isLowByte(DecodeContext d, int number) {
    return number < 4 || d.rex() != 0;
  }

  private static Insn arithmetic(DecodeContext d) {
    int operation = d.opcode() >> 3;
    int bytes = width(d);
    return switch (d.opcode() & 7) {
      case 0, 1 -> arithmeticToRm(d, operation, bytes);
      case 2, 3 -> arithmeticToRegister(d, operation, bytes);
      default ->
          arithmeticImmediate(d, operation, Place.register(d, 0, bytes), immediate(d, bytes));
    };
  }

  private static Insn arithmeticToRm(DecodeContext d, int operation, int bytes) {
    if (operation == Alu.CMP) {
      return compare(d, false, bytes);
    }
    if (bytes >= 4 && d.isRegister()) {
      return bytes == 8
          ? Alu64.rr(d, operation, d.rm(), d.reg())
          : Alu32.rr(d, operation, d.rm(), d.reg());
    }
    return new AluNodes.UpdatePlace(d, operation, Place.rm(d, bytes), Place.reg(d, bytes));
  }

  private static Insn arithmeticToRegister(DecodeContext d, int operation, int bytes) {
    boolean register = d.isRegister();
    if (bytes == 8) {
      return register
          ? Alu64.rr(d, operation, d.reg(), d.rm())
          : Alu64.rm(d, operation, d.reg(), d.mem());
    }
    if (bytes == 4) {
      return register
          ? Alu32.rr(d, operation, d.reg(), d.rm())
          : Alu32.rm(d, operation, d.reg(), d.mem());
    }
    if (operation == Alu.CMP) {
      return bytes == 1 && !register && isLowByte(d, d.reg())
          ? new CompareNodes.CmpR8M(d, d.reg(), d.mem())
          : new CompareNodes.Places(d, false, Place.reg(d, bytes), Place.rm(d, bytes));
    }
    return new AluNodes.UpdatePlace(d, operation, Place.reg(d, bytes), Place.rm(d, bytes));
  }

  /** CMP and TEST of ModRM.rm with ModRM.reg. */
  private static Insn compare(DecodeContext d, boolean test, int bytes) {
    int reg = d.reg();
    if (d.isRegister()) {
      int rm = d.rm();
      if (bytes == 8) {
        return test ? new Alu64.TestRR(d, rm, reg) : new Alu64.CmpRR(d, rm, reg);
      }
      if (bytes == 4) {
        return test ? new Alu32.TestRR(d, rm, reg) : new Alu32.CmpRR(d, rm, reg);
      }
      if (bytes == 1 && isLowByte(d, rm) && isLowByte(d, reg)) {
        return test ? new CompareNodes.TestR8R8(d, rm, reg) : new CompareNodes.CmpR8R8(d, rm, reg);
      }
    } else if (!test && bytes == 8) {
      return new CompareNodes.CmpM64R(d, d.mem(), reg);
    } else if (!test && bytes == 4) {
      return new CompareNodes.CmpM32R(d, d.mem(), reg);
    }
    return new CompareNodes.Places(d, test, Place.rm(d, bytes), Place.reg(d, bytes));
  }

  private static Insn arithmeticImmediate(DecodeContext d, int operation, Place target, long imm) {
    if (target instanceof Place.Register r && r.bytes == 8) {
      return Alu64.ri(d, operation, r.number, imm);
    }
    if (target instanceof Place.Register r && r.bytes == 4) {
      return Alu32.ri(d, operation, r.number, imm);
    }
    return operation == Alu.CMP
        ? compareImmediate(d, false, target, imm)
        : new AluNodes.UpdateImm(d, operation, target, imm);
  }

  private static Insn compareImmediate(DecodeContext d, boolean test, Place first, long imm) {
    if (first instanceof Place.Register r) {
      if (r.bytes == 8 && test) {
        return new Alu64.TestRI(d, r.number, imm);
      }
      if (r.bytes == 4 && test) {
        return new Alu32.TestRI(d, r.number, imm);
      }
      if (r.isLowByte()) {
        return test
            ? new CompareNodes.TestR8I(d, r.number, imm)
            : new CompareNodes.CmpR8I(d, r.number, imm);
      }
    } else if (first instanceof Place.Memory) {
      switch (first.bytes) {
        case 1 -> {
          return test
              ? new CompareNodes.TestM8I(d, d.mem(), imm)
              : new CompareNodes.CmpM8I(d, d.mem(), imm);
        }
        case 4 -> {
          return test
              ? new CompareNodes.TestM32I(d, d.mem(), imm)
              : new CompareNodes.CmpM32I(d, d.mem(), imm);
        }
        case 8 -> {
          return test
              ? new CompareNodes.TestM64I(d, d.mem(), imm)
              : new CompareNodes.CmpM64I(d, d.mem(), imm);
        }
        default -> {}
      }
    }
    return new CompareNodes.PlaceImm(d, test, first, imm);
  }

  private static @Nullable Insn decimal(DecodeContext d) {
    return switch (d.opcode()) {
      case 0x27, 0x2F, 0x37, 0x3F -> new MiscNodes.Bcd(d, 0);
      default -> null;
    };
  }

  private static Insn incDec(DecodeContext d) {
    Place target = Place.register(d, d.opcode() & 7, d.operandSize());
    return (d.opcode() & 8) == 0 ? AluNodes.inc(d, target) : AluNodes.dec(d, target);
  }

  private static Insn pushPop(DecodeContext d) {
    boolean push = (d.opcode() & 8) == 0;
    int size = d.stackOperandSize();
    if (size == 8) {
      return push
          ? new StackNodes.PushReg64(d, d.opcodeReg())
          : new StackNodes.PopReg64(d, d.opcodeReg());
    }
    Place place = Place.register(d, d.opcodeReg(), size);
    return push ? new StackNodes.Push(d, place) : new StackNodes.Pop(d, place);
  }

  private static @Nullable Insn row6(DecodeContext d) {
    return switch (d.opcode()) {
      case 0x60 -> d.is64() ? null : new StackNodes.PushAll(d);
      case 0x61 -> d.is64() ? null : new StackNodes.PopAll(d);
      case 0x63 -> d.is64() ? moveSigned(d, 4) : null;
      case 0x68 -> new StackNodes.PushImm(d, d.immz());
      case 0x69, 0x6B -> multiplyImmediate(d);
      case 0x6A -> new StackNodes.PushImm(d, d.imm8());
      case 0x6C, 0x6D -> new StringNodes.Ins(d, Math.min(width(d), 4));
      case 0x6E, 0x6F -> new StringNodes.Outs(d, Math.min(width(d), 4));
      default -> null;
    };
  }

  private static Insn multiplyImmediate(DecodeContext d) {
    int bytes = d.operandSize();
    Place source = Place.rm(d, bytes);
    long imm = d.opcode() == 0x69 ? d.immz() : d.imm8();
    return bytes == 8 && d.isRegister()
        ? new MultiplyNodes.Imul64Imm(d, d.reg(), d.rm(), imm)
        : new MultiplyNodes.Imul3(d, Place.reg(d, bytes), source, imm);
  }

  /** MOVSXD and MOVSX from a source of that width. */
  static Insn moveSigned(DecodeContext d, int sourceBytes) {
    int bytes = d.operandSize();
    int reg = d.reg();
    if (d.isRegister()) {
      int rm = d.rm();
      if (sourceBytes == 4 && bytes == 8) {
        return new MoveNodes.Sx32R(d, reg, rm);
      }
      if (sourceBytes == 1 && isLowByte(d, rm) && bytes >= 4) {
        return bytes == 8 ? new MoveNodes.Sx8To64R(d, reg, rm) : new MoveNodes.Sx8To32R(d, reg, rm);
      }
    } else {
      if (sourceBytes == 4 && bytes == 8) {
        return new MoveNodes.Sx32M(d, reg, d.mem());
      }
      if (sourceBytes == 1 && bytes >= 4) {
        return bytes == 8
            ? new MoveNodes.Sx8To64M(d, reg, d.mem())
            : new MoveNodes.Sx8To32M(d, reg, d.mem());
      }
    }
    Place source = Place.rm(d, Math.min(sourceBytes, bytes));
    return new MoveNodes.Places(d, Place.reg(d, bytes), source, true);
  }

  /** MOVZX from a source of that width. */
  static Insn moveZeroExtended(DecodeContext d, int sourceBytes) {
    int bytes = d.operandSize();
    int reg = d.reg();
    if (bytes == 2) {
      return new MoveNodes.Places(d, Place.reg(d, 2), Place.rm(d, sourceBytes), false);
    }
    if (!d.isRegister()) {
      return sourceBytes == 1
          ? new MoveNodes.Zx8M(d, reg, d.mem())
          : new MoveNodes.Zx16M(d, reg, d.mem());
    }
    if (sourceBytes == 2) {
      return new MoveNodes.Zx16R(d, reg, d.rm());
    }
    return isLowByte(d, d.rm())
        ? new MoveNodes.Zx8R(d, reg, d.rm())
        : new MoveNodes.Places(d, Place.reg(d, bytes), Place.rm(d, 1), false);
  }

  private static @Nullable Insn row8(DecodeContext d) {
    int bytes = width(d);
    return switch (d.opcode()) {
      case 0x80, 0x81 -> {
        Place target = Place.rm(d, bytes);
        yield arithmeticImmediate(d, d.regField(), target, immediate(d, bytes));
      }
      case 0x82 -> {
        if (d.is64()) {
          yield null;
        }
        Place target = Place.rm(d, 1);
        yield arithmeticImmediate(d, d.regField(), target, d.imm8());
      }
      case 0x83 -> {
        Place target = Place.rm(d, bytes);
        yield arithmeticImmediate(d, d.regField(), target, d.imm8());
      }
      case 0x84, 0x85 -> compare(d, true, bytes);
      case 0x86, 0x87 -> new ExchangeNodes.Xchg(d, Place.atomicRm(d, bytes), Place.reg(d, bytes));
      case 0x88, 0x89 -> store(d, bytes);
      case 0x8A, 0x8B -> load(d, bytes);
      case 0x8D -> d.isRegister() ? null : lea(d);
      case 0x8F ->
          d.regField() == 0 ? new StackNodes.Pop(d, Place.rm(d, d.stackOperandSize())) : null;
      default -> null;
    };
  }

  private static Insn store(DecodeContext d, int bytes) {
    int reg = d.reg();
    if (d.isRegister()) {
      return moveRegister(d, d.rm(), reg, bytes);
    }
    return switch (bytes) {
      case 8 -> new MoveNodes.M64R(d, d.mem(), reg);
      case 4 -> new MoveNodes.M32R(d, d.mem(), reg);
      case 2 -> new MoveNodes.M16R(d, d.mem(), reg);
      default ->
          isLowByte(d, reg)
              ? new MoveNodes.M8R(d, d.mem(), reg)
              : new MoveNodes.Places(d, Place.rm(d, 1), Place.reg(d, 1), false);
    };
  }

  private static Insn load(DecodeContext d, int bytes) {
    int reg = d.reg();
    if (d.isRegister()) {
      return moveRegister(d, reg, d.rm(), bytes);
    }
    if (bytes == 8) {
      return new MoveNodes.R64M(d, reg, d.mem());
    }
    if (bytes == 4) {
      return new MoveNodes.R32M(d, reg, d.mem());
    }
    return bytes == 1 && isLowByte(d, reg)
        ? new MoveNodes.R8M(d, reg, d.mem())
        : new MoveNodes.Places(d, Place.reg(d, bytes), Place.rm(d, bytes), false);
  }

  private static Insn moveRegister(DecodeContext d, int dst, int src, int bytes) {
    if (bytes == 8) {
      return new MoveNodes.R64R(d, dst, src);
    }
    if (bytes == 4) {
      return new MoveNodes.R32R(d, dst, src);
    }
    return bytes == 1 && isLowByte(d, dst) && isLowByte(d, src)
        ? new MoveNodes.R8R8(d, dst, src)
        : new MoveNodes.Places(
            d, Place.register(d, dst, bytes), Place.register(d, src, bytes), false);
  }

  private static Insn lea(DecodeContext d) {
    return switch (d.operandSize()) {
      case 8 -> new MoveNodes.Lea64(d, d.reg(), d.mem());
      case 4 -> new MoveNodes.Lea32(d, d.reg(), d.mem());
      default -> new MoveNodes.Lea16(d, d.reg(), d.mem());
    };
  }

  private static @Nullable Insn row9(DecodeContext d) {
    int opcode = d.opcode();
    if (opcode < 0x98) {
      int bytes = d.operandSize();
      if (d.opcodeReg() == 0) {
        return d.rep() == 0xF3 ? new MiscNodes.Pause(d) : new MiscNodes.Nop(d);
      }
      return new ExchangeNodes.Xchg(
          d, Place.register(d, d.opcodeReg(), bytes), Place.register(d, 0, bytes));
    }
    return switch (opcode) {
      case 0x98 -> new MiscNodes.SignExtendRax(d);
      case 0x99 -> new MiscNodes.SignToRdx(d);
      case 0x9E -> new MiscNodes.Sahf(d);
      case 0x9F -> new MiscNodes.Lahf(d);
      default -> null;
    };
  }

  private static Insn rowA(DecodeContext d) {
    int bytes = width(d);
    Place accumulator = Place.register(d, 0, bytes);
    return switch (d.opcode()) {
      case 0xA0, 0xA1 -> new MoveNodes.Places(d, accumulator, absolute(d, bytes), false);
      case 0xA2, 0xA3 -> new MoveNodes.Places(d, absolute(d, bytes), accumulator, false);
      case 0xA4, 0xA5 -> new StringNodes.Movs(d, bytes);
      case 0xA6, 0xA7 -> new StringNodes.Cmps(d, bytes);
      case 0xA8, 0xA9 -> compareImmediate(d, true, accumulator, immediate(d, bytes));
      case 0xAA, 0xAB -> new StringNodes.Stos(d, bytes);
      case 0xAC, 0xAD -> new StringNodes.Lods(d, bytes);
      default -> new StringNodes.Scas(d, bytes);
    };
  }

  private static Place absolute(DecodeContext d, int bytes) {
    long offset =
        switch (d.addressSize()) {
          case 8 -> d.imm64();
          case 4 -> d.imm32() & 0xFFFF_FFFFL;
          default -> d.imm16();
        };
    return new Place.Memory(d.absolute(offset), bytes, false);
  }

  private static Insn moveImmediate(DecodeContext d) {
    int reg = d.opcodeReg();
    if (d.opcode() < 0xB8) {
      return new MoveNodes.PlaceImm(d, Place.register(d, reg, 1), d.imm8());
    }
    return switch (d.operandSize()) {
      case 8 -> new MoveNodes.RegConstant(d, reg, d.imm64());
      case 4 -> new MoveNodes.RegConstant(d, reg, d.imm32() & 0xFFFF_FFFFL);
      default -> new MoveNodes.PlaceImm(d, Place.register(d, reg, 2), d.imm16());
    };
  }

  private static @Nullable Insn rowC(DecodeContext d) {
    int bytes = width(d);
    return switch (d.opcode()) {
      case 0xC0, 0xC1 -> {
        Place target = Place.rm(d, bytes);
        yield ShiftNodes.byImm(d, d.regField(), target, d.imm8());
      }
      case 0xC2 -> new BranchNodes.Ret(d, d.imm16());
      case 0xC3 -> new BranchNodes.Ret(d, 0);
      case 0xC6, 0xC7 -> d.regField() == 0 ? storeImmediate(d, bytes) : null;
      case 0xC8 -> {
        int roomBytes = d.imm16();
        yield new StackNodes.Enter(d, roomBytes, d.imm8());
      }
      case 0xC9 -> new StackNodes.Leave(d);
      default -> null;
    };
  }

  private static Insn storeImmediate(DecodeContext d, int bytes) {
    Place target = Place.rm(d, bytes);
    long imm = immediate(d, bytes);
    if (target instanceof Place.Register r && bytes >= 4) {
      return new MoveNodes.RegConstant(d, r.number, Alu.zeroExtend(imm, r.bits));
    }
    if (target instanceof Place.Memory) {
      switch (bytes) {
        case 8 -> {
          return new MoveNodes.M64I(d, d.mem(), imm);
        }
        case 4 -> {
          return new MoveNodes.M32I(d, d.mem(), imm);
        }
        case 1 -> {
          return new MoveNodes.M8I(d, d.mem(), imm);
        }
        default -> {}
      }
    }
    return new MoveNodes.PlaceImm(d, target, imm);
  }

  private static @Nullable Insn rowD(DecodeContext d) {
    return switch (d.opcode()) {
      case 0xD0, 0xD1 -> ShiftNodes.byImm(d, d.regField(), Place.rm(d, width(d)), 1);
      case 0xD2, 0xD3 -> new ShiftNodes.ByCl(d, d.regField(), Place.rm(d, width(d)));
      case 0xD4, 0xD5 -> d.is64() ? null : new MiscNodes.Bcd(d, d.imm8() & 0xFF);
      case 0xD6 -> d.is64() ? null : new MiscNodes.Salc(d);
      case 0xD7 -> new MiscNodes.Xlat(d);
      default -> null;
    };
  }

  private static @Nullable Insn rowE(DecodeContext d) {
    return switch (d.opcode()) {
      case 0xE0, 0xE1, 0xE2, 0xE3 -> new BranchNodes.Loop(d, d.imm8());
      case 0xE8 -> new BranchNodes.Call(d, displacement(d));
      case 0xE9 -> new BranchNodes.Jmp(d, displacement(d));
      case 0xEB -> new BranchNodes.Jmp(d, d.imm8());
      default -> null;
    };
  }

  private static @Nullable Insn rowF(DecodeContext d) {
    return switch (d.opcode()) {
      case 0xF5, 0xF8, 0xF9, 0xFC, 0xFD -> new MiscNodes.FlagBit(d);
      case 0xF6, 0xF7 -> group3(d);
      case 0xFE -> d.regField() < 2 ? group5(d) : null;
      case 0xFF -> group5(d);
      default -> null;
    };
  }

  private static Insn group3(DecodeContext d) {
    int bytes = width(d);
    Place target = Place.rm(d, bytes);
    return switch (d.regField()) {
      case 0, 1 -> compareImmediate(d, true, target, immediate(d, bytes));
      case 2 -> AluNodes.not(d, target);
      case 3 -> AluNodes.neg(d, target);
      default -> new MultiplyNodes.Wide(d, d.regField(), target);
    };
  }

  private static @Nullable Insn group5(DecodeContext d) {
    return switch (d.regField()) {
      case 0 -> AluNodes.inc(d, Place.rm(d, width(d)));
      case 1 -> AluNodes.dec(d, Place.rm(d, width(d)));
      case 2 -> new BranchNodes.CallIndirect(d, Place.rm(d, BranchNodes.size(d)));
      case 4 -> new BranchNodes.JmpIndirect(d, Place.rm(d, BranchNodes.size(d)));
      case 6 -> new StackNodes.Push(d, Place.rm(d, d.stackOperandSize()));
      default -> null;
    };
  }
}
