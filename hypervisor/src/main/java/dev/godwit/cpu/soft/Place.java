package dev.godwit.cpu.soft;

/**
 * An operand that can be read and written, of any width: what the instruction forms without a node
 * of their own work on.
 */
abstract sealed class Place {
  final int bytes;
  final int bits;

  Place(int bytes) {
    this.bytes = bytes;
    this.bits = 8 * bytes;
  }

  /** Returns the value, zero-extended. */
  abstract long get(SoftCpu c);

  /** Stores the low bits of a value. */
  abstract void set(SoftCpu c, long value);

  /** Replaces the value by {@code update}'s result, and completes the update. */
  abstract void update(SoftCpu c, Update update);

  /** Returns the operand of ModRM.rm; LOCK makes its updates atomic. */
  static Place rm(DecodeContext d, int bytes) {
    return d.isRegister() ? register(d, d.rm(), bytes) : new Memory(d.mem(), bytes, d.hasLock());
  }

  /** As {@link #rm}, with updates atomic even without LOCK (XCHG). */
  static Place atomicRm(DecodeContext d, int bytes) {
    return d.isRegister() ? register(d, d.rm(), bytes) : new Memory(d.mem(), bytes, true);
  }

  /** Returns the general register of ModRM.reg. */
  static Place reg(DecodeContext d, int bytes) {
    return register(d, d.reg(), bytes);
  }

  /**
   * Returns a general register by its number; byte registers 4–7 without REX are AH, CH, DH and BH.
   */
  static Place register(DecodeContext d, int number, int bytes) {
    return bytes == 1 && number >= 4 && d.rex() == 0
        ? new Register(number - 4, 1, 8)
        : new Register(number, bytes, 0);
  }

  /** A general register or a part of one. */
  static final class Register extends Place {
    final int number;
    final int shift;
    final long mask;
    final long kept;

    Register(int number, int bytes, int shift) {
      super(bytes);
      this.number = number;
      this.shift = shift;
      this.mask = Alu.zeroExtend(-1, bits);
      this.kept = bytes >= 4 ? 0 : ~(mask << shift);
    }

    /** Says whether it is the low byte of the register {@link #number}. */
    boolean isLowByte() {
      return bytes == 1 && shift == 0;
    }

    @Override
    long get(SoftCpu c) {
      return c.regs[number] >>> shift & mask;
    }

    @Override
    void set(SoftCpu c, long value) {
      c.regs[number] = c.regs[number] & kept | (value & mask) << shift;
    }

    @Override
    void update(SoftCpu c, Update update) {
      long old = get(c);
      long value = update.compute(c, old);
      update.complete(c, old); // first: XADD with both operands the same leaves the sum
      set(c, value);
    }
  }

  /** Memory. */
  static final class Memory extends Place {
    final MemOperand operand;
    final boolean atomic;

    Memory(MemOperand operand, int bytes, boolean atomic) {
      super(bytes);
      this.operand = operand;
      this.atomic = atomic;
    }

    @Override
    long get(SoftCpu c) {
      return read(c, operand.forRead(c, bytes), bytes);
    }

    @Override
    void set(SoftCpu c, long value) {
      write(c, operand.forWrite(c, bytes), bytes, value);
    }

    @Override
    void update(SoftCpu c, Update update) {
      updateAt(c, operand.forWrite(c, bytes), bytes, atomic, update);
    }
  }

  /** Reads 1, 2, 4 or 8 bytes at a linear address, zero-extended. */
  static long read(SoftCpu c, long lin, int bytes) {
    return switch (bytes) {
      case 1 -> c.read8(lin) & 0xFF;
      case 2 -> c.read16(lin) & 0xFFFF;
      case 4 -> c.read32(lin) & 0xFFFF_FFFFL;
      default -> c.read64(lin);
    };
  }

  /** Writes the low 1, 2, 4 or 8 bytes of a value at a linear address. */
  static void write(SoftCpu c, long lin, int bytes, long value) {
    switch (bytes) {
      case 1 -> c.write8(lin, (int) value);
      case 2 -> c.write16(lin, (int) value);
      case 4 -> c.write32(lin, (int) value);
      default -> c.write64(lin, value);
    }
  }

  /** Replaces the operand at a linear address that was checked for writing. */
  static void updateAt(SoftCpu c, long lin, int bytes, boolean atomic, Update update) {
    long hva = c.updateHva(lin, bytes);
    if (hva == 0) {
      updateSlowly(c, lin, bytes, atomic, update);
      return;
    }
    long old;
    if (!atomic) {
      old = Ram.get(hva, bytes);
      Ram.put(hva, bytes, update.compute(c, old));
    } else if (Ram.lockable(hva, bytes)) {
      old = updateAtomically(c, hva, bytes, update);
    } else {
      synchronized (Ram.SPLIT_LOCK) {
        old = Ram.get(hva, bytes);
        Ram.put(hva, bytes, update.compute(c, old));
      }
    }
    c.updated(hva);
    update.complete(c, old);
  }

  private static long updateAtomically(SoftCpu c, long hva, int bytes, Update update) {
    long result = c.flagResult;
    long aux = c.flagAux;
    while (true) {
      long old = Ram.get(hva, bytes);
      if (Ram.compareAndSet(hva, bytes, old, update.compute(c, old))) {
        return old;
      }
      // Another vCPU was faster: what compute read (CF for ADC) must be as before.
      c.flagResult = result;
      c.flagAux = aux;
    }
  }

  /** MMIO, page-crossing operands and pages that the MMU wants to hear about (code). */
  private static void updateSlowly(SoftCpu c, long lin, int bytes, boolean atomic, Update update) {
    c.probeWrite(lin, bytes);
    long old;
    // Another vCPU's plain store to a page with code must not be lost either: a lock's release.
    long anyHva = atomic ? c.mmu.anyHva(lin, bytes) : 0;
    if (anyHva != 0 && Ram.lockable(anyHva, bytes)) {
      old = updateAtomically(c, anyHva, bytes, update);
      c.mmu.updatedAt(anyHva, bytes);
    } else if (atomic) {
      synchronized (Ram.SPLIT_LOCK) {
        old = read(c, lin, bytes);
        write(c, lin, bytes, update.compute(c, old));
      }
    } else {
      old = read(c, lin, bytes);
      write(c, lin, bytes, update.compute(c, old));
    }
    update.complete(c, old);
  }
}
