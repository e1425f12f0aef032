package dev.godwit.cpu.soft;

/**
 * Near branches. In 64-bit mode their operand size is always 64 bits: like Intel's processors, and
 * unlike AMD's, this one ignores an operand size prefix there.
 */
final class BranchNodes {
  private static final int RCX = 1;
  private static final int RSP = 4;

  private BranchNodes() {}

  /** Returns the operand size of a near branch in bytes. */
  static int size(DecodeContext d) {
    return d.is64() ? 8 : d.operandSize();
  }

  /** Cuts an instruction pointer to the operand size; raises #GP(0) unless it is canonical. */
  static long checkedTarget(long target, int size) {
    if (size == 8) {
      if (target << 16 >> 16 != target) {
        throw GuestFault.of(GuestFault.GP);
      }
      return target;
    }
    return size == 4 ? target & 0xFFFF_FFFFL : target & 0xFFFF;
  }

  /** A branch whose target is known when it is decoded. */
  abstract static class Direct extends Insn {
    final long target;

    Direct(DecodeContext d, long displacement) {
      super(d);
      long sum = nextRip + displacement;
      this.target = d.is64() ? sum : d.operandSize() == 4 ? sum & 0xFFFF_FFFFL : sum & 0xFFFF;
    }

    @Override
    final boolean endsBlock() {
      return true;
    }
  }

  /** A branch whose target comes from a register or from memory. */
  abstract static class Indirect extends Insn {
    final int size;

    Indirect(DecodeContext d) {
      super(d);
      this.size = size(d);
    }

    @Override
    final boolean endsBlock() {
      return true;
    }
  }

  /** A branch on the flags. */
  abstract static class Conditional extends Direct {
    /** As in {@link Flags#condition}. */
    final int condition;

    Conditional(DecodeContext d, long displacement) {
      super(d, displacement);
      this.condition = d.opcode() & 15;
    }
  }

  static final class Jmp extends Direct {
    Jmp(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = target;
    }
  }

  static final class Call extends Direct {
    private final int size;

    Call(DecodeContext d, long displacement) {
      super(d, displacement);
      this.size = size(d);
    }

    @Override
    void execute(SoftCpu c) {
      c.push(size, nextRip);
      c.rip = target;
    }
  }

  static final class JmpIndirect extends Indirect {
    final Place place;

    JmpIndirect(DecodeContext d, Place place) {
      super(d);
      this.place = place;
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = checkedTarget(place.get(c), size);
    }
  }

  static final class CallIndirect extends Indirect {
    final Place place;

    CallIndirect(DecodeContext d, Place place) {
      super(d);
      this.place = place;
    }

    @Override
    void execute(SoftCpu c) {
      long target = checkedTarget(place.get(c), size);
      c.push(size, nextRip);
      c.rip = target;
    }
  }

  /** RET, with the bytes of parameters that it drops. */
  static final class Ret extends Indirect {
    final int dropBytes;
    private final long stackMask;

    Ret(DecodeContext d, int dropBytes) {
      super(d);
      this.dropBytes = dropBytes;
      this.stackMask = Alu.zeroExtend(-1, 8 * d.stackAddressSize());
    }

    @Override
    void execute(SoftCpu c) {
      long rsp = c.regs[RSP];
      long target = c.pop(size);
      if (size == 8 && target << 16 >> 16 != target) {
        c.regs[RSP] = rsp;
        throw GuestFault.of(GuestFault.GP);
      }
      if (dropBytes != 0) {
        long popped = c.regs[RSP];
        c.regs[RSP] = popped & ~stackMask | popped + dropBytes & stackMask;
      }
      c.rip = target;
    }
  }

  /** Returns the node of Jcc for the condition in the opcode's low four bits. */
  static Insn jcc(DecodeContext d, long displacement) {
    return switch (d.opcode() & 15) {
      case 2 -> new Jb(d, displacement);
      case 3 -> new Jae(d, displacement);
      case 4 -> new Je(d, displacement);
      case 5 -> new Jne(d, displacement);
      case 6 -> new Jbe(d, displacement);
      case 7 -> new Ja(d, displacement);
      case 8 -> new Js(d, displacement);
      case 9 -> new Jns(d, displacement);
      case 12 -> new Jl(d, displacement);
      case 13 -> new Jge(d, displacement);
      case 14 -> new Jle(d, displacement);
      case 15 -> new Jg(d, displacement);
      default -> new Jcc(d, displacement);
    };
  }

  /** The rare conditions: overflow and parity. */
  static final class Jcc extends Conditional {
    Jcc(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = c.condition(condition) ? target : nextRip;
    }
  }

  static final class Jb extends Conditional {
    Jb(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = Flags.cf(c.flagAux) ? target : nextRip;
    }
  }

  static final class Jae extends Conditional {
    Jae(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = !Flags.cf(c.flagAux) ? target : nextRip;
    }
  }

  static final class Je extends Conditional {
    Je(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = Flags.zf(c.flagResult) ? target : nextRip;
    }
  }

  static final class Jne extends Conditional {
    Jne(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = !Flags.zf(c.flagResult) ? target : nextRip;
    }
  }

  static final class Jbe extends Conditional {
    Jbe(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = Flags.cf(c.flagAux) || Flags.zf(c.flagResult) ? target : nextRip;
    }
  }

  static final class Ja extends Conditional {
    Ja(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = !Flags.cf(c.flagAux) && !Flags.zf(c.flagResult) ? target : nextRip;
    }
  }

  static final class Js extends Conditional {
    Js(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = Flags.sf(c.flagResult, c.flagAux) ? target : nextRip;
    }
  }

  static final class Jns extends Conditional {
    Jns(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = !Flags.sf(c.flagResult, c.flagAux) ? target : nextRip;
    }
  }

  static final class Jl extends Conditional {
    Jl(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = Flags.less(c.flagResult, c.flagAux) ? target : nextRip;
    }
  }

  static final class Jge extends Conditional {
    Jge(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = !Flags.less(c.flagResult, c.flagAux) ? target : nextRip;
    }
  }

  static final class Jle extends Conditional {
    Jle(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = Flags.zf(c.flagResult) || Flags.less(c.flagResult, c.flagAux) ? target : nextRip;
    }
  }

  static final class Jg extends Conditional {
    Jg(DecodeContext d, long displacement) {
      super(d, displacement);
    }

    @Override
    void execute(SoftCpu c) {
      c.rip = !Flags.zf(c.flagResult) && !Flags.less(c.flagResult, c.flagAux) ? target : nextRip;
    }
  }

  /** LOOP, LOOPE, LOOPNE, JCXZ, JECXZ and JRCXZ; the counter has the address size. */
  static final class Loop extends Direct {
    private final int kind;
    private final long mask;

    Loop(DecodeContext d, long displacement) {
      super(d, displacement);
      this.kind = d.opcode();
      this.mask = Alu.zeroExtend(-1, 8 * d.addressSize());
    }

    @Override
    void execute(SoftCpu c) {
      long rcx = c.regs[RCX];
      long count = rcx & mask;
      boolean taken;
      if (kind == 0xE3) {
        taken = count == 0;
      } else {
        count = count - 1 & mask;
        // A 32-bit counter is written as any 32-bit register: the upper half is cleared.
        c.regs[RCX] = mask == 0xFFFF ? rcx & ~0xFFFFL | count : count;
        boolean zf = Flags.zf(c.flagResult);
        taken = count != 0 && (kind == 0xE2 || zf == (kind == 0xE1));
      }
      c.rip = taken ? target : nextRip;
    }
  }
}
