package dev.godwit.cpu.soft;

import dev.godwit.memory.LockedExchange;

/** XCHG, XADD, CMPXCHG, CMPXCHG8B/16B and BSWAP. */
final class ExchangeNodes {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RBX = 3;

  private ExchangeNodes() {}

  /** XCHG; its target place is always atomic. */
  static final class Xchg extends Update {
    final Place source;

    Xchg(DecodeContext d, Place target, Place source) {
      super(d, target);
      this.source = source;
    }

    @Override
    long compute(SoftCpu c, long old) {
      return source.get(c);
    }

    @Override
    void complete(SoftCpu c, long old) {
      source.set(c, old);
    }
  }

  static final class Xadd extends Update {
    final Place source;

    Xadd(DecodeContext d, Place target, Place source) {
      super(d, target);
      this.source = source;
    }

    @Override
    long compute(SoftCpu c, long old) {
      return Alu.add(c, old, source.get(c), target.bits);
    }

    @Override
    void complete(SoftCpu c, long old) {
      source.set(c, old);
    }
  }

  /**
   * CMPXCHG. If the comparison fails, memory is written all the same, with its old value; a
   * register is not (a 32-bit one keeps its upper half).
   */
  static final class CmpXchg extends Update {
    final Place source;

    CmpXchg(DecodeContext d, Place target, Place source) {
      super(d, target);
      this.source = source;
    }

    @Override
    void execute(SoftCpu c) {
      if (target instanceof Place.Register) {
        long old = target.get(c);
        long value = compute(c, old);
        if (Flags.zf(c.flagResult)) {
          target.set(c, value);
        } else {
          complete(c, old);
        }
      } else {
        super.execute(c);
      }
    }

    @Override
    long compute(SoftCpu c, long old) {
      return Alu.sub(c, c.regs[RAX], old, target.bits) == 0 ? source.get(c) : old;
    }

    @Override
    void complete(SoftCpu c, long old) {
      if (Flags.zf(c.flagResult)) {
        return;
      }
      long rax = c.regs[RAX];
      c.regs[RAX] =
          switch (target.bytes) {
            case 1 -> rax & ~0xFFL | old;
            case 2 -> rax & ~0xFFFFL | old;
            default -> old;
          };
    }
  }

  /** CMPXCHG8B: EDX:EAX with memory, ECX:EBX to memory. Changes ZF only. */
  static final class CmpXchg8b extends Update {
    CmpXchg8b(DecodeContext d, Place target) {
      super(d, target);
    }

    private static long expected(SoftCpu c) {
      return c.regs[RDX] << 32 | c.regs[RAX] & 0xFFFF_FFFFL;
    }

    @Override
    long compute(SoftCpu c, long old) {
      return old == expected(c) ? c.regs[RCX] << 32 | c.regs[RBX] & 0xFFFF_FFFFL : old;
    }

    @Override
    void complete(SoftCpu c, long old) {
      boolean equal = old == expected(c);
      Alu.setZero(c, equal);
      if (!equal) {
        c.regs[RAX] = old & 0xFFFF_FFFFL;
        c.regs[RDX] = old >>> 32;
      }
    }
  }

  /** CMPXCHG16B: RDX:RAX with 16 aligned bytes of memory, RCX:RBX to memory. Changes ZF only. */
  static final class CmpXchg16b extends Insn {
    final MemOperand operand;
    final boolean locked;

    CmpXchg16b(DecodeContext d, MemOperand operand) {
      super(d);
      this.operand = operand;
      this.locked = d.hasLock();
    }

    @Override
    void execute(SoftCpu c) {
      long lin = operand.forWrite(c, 16);
      if ((lin & 15) != 0) {
        throw GuestFault.of(GuestFault.GP);
      }
      c.probeWrite(lin, 16);
      if (!locked) {
        exchange(c, lin);
      } else if (!exchangeAtomically(c, lin)) {
        synchronized (Ram.SPLIT_LOCK) {
          exchange(c, lin);
        }
      }
    }

    /** Does it by the host's own instruction; false if that is impossible, and nothing done. */
    private static boolean exchangeAtomically(SoftCpu c, long lin) {
      long hva = c.updateHva(lin, 16);
      long anyHva = hva == 0 ? c.mmu.anyHva(lin, 16) : hva;
      if (anyHva == 0 || !LockedExchange.reaches(anyHva, 16)) {
        return false;
      }
      boolean equal =
          c.lockedExchange.compareAndSet(
              anyHva, c.regs[RAX], c.regs[RDX], c.regs[RBX], c.regs[RCX]);
      if (hva == 0) {
        c.mmu.updatedAt(anyHva, 16);
      } else {
        c.updated(hva);
      }
      if (!equal) {
        c.regs[RAX] = c.lockedExchange.foundLow();
        c.regs[RDX] = c.lockedExchange.foundHigh();
      }
      Alu.setZero(c, equal);
      return true;
    }

    private static void exchange(SoftCpu c, long lin) {
      long low = c.read64(lin);
      long high = c.read64(lin + 8);
      boolean equal = low == c.regs[RAX] && high == c.regs[RDX];
      if (equal) {
        c.write128(lin, c.regs[RBX], c.regs[RCX]);
      } else {
        c.regs[RAX] = low;
        c.regs[RDX] = high;
      }
      Alu.setZero(c, equal);
    }
  }

  /**
   * BSWAP; of a 16-bit register, which the manual leaves undefined, it clears the word as
   * processors do.
   */
  static final class Bswap extends Insn {
    final int reg;
    final int bytes;

    Bswap(DecodeContext d) {
      super(d);
      this.reg = d.opcodeReg();
      this.bytes = d.operandSize();
    }

    @Override
    void execute(SoftCpu c) {
      long value = c.regs[reg];
      c.regs[reg] =
          switch (bytes) {
            case 8 -> Long.reverseBytes(value);
            case 4 -> Long.reverseBytes(value) >>> 32;
            default -> value & ~0xFFFFL;
          };
    }
  }
}
