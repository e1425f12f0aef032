package dev.godwit.cpu.soft;

/**
 * Instructions that are a family by themselves: sign extension of RAX, flag bits, XLAT, BCD,
 * no-operations.
 */
final class MiscNodes {
  private static final int RAX = 0;
  private static final int RDX = 2;
  private static final int RBX = 3;

  private MiscNodes() {}

  /** Does nothing: NOP, hints, ENDBR64. */
  static final class Nop extends Insn {
    Nop(DecodeContext d) {
      super(d);
    }

    @Override
    void execute(SoftCpu c) {}
  }

  /**
   * PAUSE. Where what it waits for may be a vCPU that has no host CPU, every so often this one
   * gives its own away.
   */
  static final class Pause extends Insn {
    private static final int SPINS = 64;

    Pause(DecodeContext d) {
      super(d);
    }

    @Override
    @SuppressWarnings("ThreadPriorityCheck") // a hint; nothing relies on it
    void execute(SoftCpu c) {
      if (++c.pauses % SPINS == 0 && c.ports.vcpus() > 1) {
        Thread.yield();
      } else {
        Thread.onSpinWait();
      }
    }
  }

  /** Raises #UD: UD0, UD1, UD2 and every encoding that means nothing. */
  static final class Undefined extends Insn {
    Undefined(DecodeContext d) {
      super(d);
    }

    @Override
    void execute(SoftCpu c) {
      throw GuestFault.of(GuestFault.UD);
    }

    @Override
    boolean endsBlock() {
      return true;
    }
  }

  /** CBW, CWDE and CDQE. */
  static final class SignExtendRax extends Insn {
    final int bytes;

    SignExtendRax(DecodeContext d) {
      super(d);
      this.bytes = d.operandSize();
    }

    @Override
    void execute(SoftCpu c) {
      long rax = c.regs[RAX];
      c.regs[RAX] =
          switch (bytes) {
            case 8 -> (int) rax;
            case 4 -> (short) rax & 0xFFFF_FFFFL;
            default -> rax & ~0xFFFFL | (byte) rax & 0xFFFF;
          };
    }
  }

  /** CWD, CDQ and CQO. */
  static final class SignToRdx extends Insn {
    final int bytes;

    SignToRdx(DecodeContext d) {
      super(d);
      this.bytes = d.operandSize();
    }

    @Override
    void execute(SoftCpu c) {
      long sign = Alu.signExtend(c.regs[RAX], 8 * bytes) >> 63;
      c.regs[RDX] =
          switch (bytes) {
            case 8 -> sign;
            case 4 -> sign & 0xFFFF_FFFFL;
            default -> c.regs[RDX] & ~0xFFFFL | sign & 0xFFFF;
          };
    }
  }

  /** CMC, CLC, STC, CLD and STD, by opcode. */
  static final class FlagBit extends Insn {
    final int opcode;

    FlagBit(DecodeContext d) {
      super(d);
      this.opcode = d.opcode();
    }

    @Override
    void execute(SoftCpu c) {
      switch (opcode) {
        case 0xF5 -> Alu.setCarry(c, !Flags.cf(c.flagAux));
        case 0xF8 -> Alu.setCarry(c, false);
        case 0xF9 -> Alu.setCarry(c, true);
        case 0xFC -> c.flagsRest &= ~Flags.DF;
        default -> c.flagsRest |= Flags.DF;
      }
    }
  }

  static final class Lahf extends Insn {
    Lahf(DecodeContext d) {
      super(d);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[RAX] = c.regs[RAX] & ~0xFF00L | (c.rflags() & 0xFF) << 8;
    }
  }

  static final class Sahf extends Insn {
    Sahf(DecodeContext d) {
      super(d);
    }

    @Override
    void execute(SoftCpu c) {
      c.setArithmeticFlags(c.rflags() & Flags.OF | c.regs[RAX] >>> 8 & 0xFF);
    }
  }

  /** SALC: AL = CF ? FF : 0; not in the manual, legacy modes only. */
  static final class Salc extends Insn {
    Salc(DecodeContext d) {
      super(d);
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[RAX] = c.regs[RAX] & ~0xFFL | (Flags.cf(c.flagAux) ? 0xFF : 0);
    }
  }

  /** XLAT: AL = [RBX + AL]. */
  static final class Xlat extends Insn {
    final MemOperand table;

    Xlat(DecodeContext d) {
      super(d);
      this.table =
          new MemOperand(
              RBX,
              DecodeContext.NO_REGISTER,
              0,
              0,
              d.addressSize(),
              d.segmentOr(DecodeContext.DS),
              !d.is64());
    }

    @Override
    void execute(SoftCpu c) {
      long rax = c.regs[RAX];
      c.regs[RAX] = rax & ~0xFFL | c.read8(table.forRead(c, rax & 0xFF, 1)) & 0xFF;
    }
  }

  /** DAA, DAS, AAA and AAS, and AAM and AAD with their base; by opcode. */
  static final class Bcd extends Insn {
    final int opcode;
    final int base;

    Bcd(DecodeContext d, int base) {
      super(d);
      this.opcode = d.opcode();
      this.base = base;
    }

    @Override
    void execute(SoftCpu c) {
      switch (opcode) {
        case 0x27 -> Decimal.adjustPacked(c, 1);
        case 0x2F -> Decimal.adjustPacked(c, -1);
        case 0x37 -> Decimal.adjustUnpacked(c, 1);
        case 0x3F -> Decimal.adjustUnpacked(c, -1);
        case 0xD4 -> Decimal.aam(c, base);
        default -> Decimal.aad(c, base);
      }
    }
  }
}
