package dev.godwit.cpu.soft;

import dev.godwit.cpu.VcpuState.Activity;

/** Far branches, software interrupts, RFLAGS as a whole, HLT, port I/O. */
final class FlowInsns {
  private static final int RAX = 0;

  /** Where an I/O instruction finds its port. */
  @FunctionalInterface
  interface Port {
    int of(SoftCpu c);
  }

  private FlowInsns() {}

  static Insn farImmediate(DecodeContext d, boolean call) {
    int size = d.operandSize();
    long offset = size == 2 ? d.imm16() : d.imm32() & 0xFFFF_FFFFL;
    int selector = d.imm16();
    long next = d.nextRip();
    return SystemInsn.ending(d, c -> FarTransfer.enter(c, selector, offset, size, call, next));
  }

  static Insn farIndirect(DecodeContext d, boolean call) {
    int size = d.operandSize();
    MemOperand m = d.mem();
    long next = d.nextRip();
    return SystemInsn.ending(
        d,
        c -> {
          long offset = SegmentInsns.readSized(c, m.forRead(c, size), size);
          int selector = c.read16(m.forRead(c, size, 2));
          FarTransfer.enter(c, selector, offset, size, call, next);
        });
  }

  static Insn farReturn(DecodeContext d, int release) {
    int size = d.operandSize();
    return SystemInsn.ending(d, c -> FarTransfer.ret(c, size, release));
  }

  static Insn interrupt(DecodeContext d, int vector) {
    long next = d.nextRip();
    boolean isNumbered = d.opcode() == 0xCD;
    return SystemInsn.ending(
        d,
        c -> {
          // In virtual-8086 mode INT n is sensitive to IOPL; INT3 and INTO are not.
          if (isNumbered && c.virtual8086() && c.iopl() < 3) {
            throw GuestFault.of(GuestFault.GP);
          }
          c.interrupts.software(vector, next);
        });
  }

  static Insn into(DecodeContext d) {
    long next = d.nextRip();
    return SystemInsn.ending(
        d,
        c -> {
          if (Flags.of(c.flagAux)) {
            c.interrupts.software(GuestFault.OF, next);
          }
        });
  }

  static Insn icebp(DecodeContext d) {
    long next = d.nextRip();
    return SystemInsn.ending(d, c -> c.interrupts.icebp(next));
  }

  static Insn iret(DecodeContext d) {
    int size = d.operandSize();
    long next = d.nextRip();
    return SystemInsn.ending(d, c -> FarTransfer.iret(c, size, next));
  }

  static Insn pushf(DecodeContext d) {
    int size = d.stackOperandSize();
    return SystemInsn.plain(
        d,
        c -> {
          requireIopl3InVirtual8086(c);
          c.push(size, c.rflags() & ~(Flags.VM | Flags.RF));
        });
  }

  static Insn popf(DecodeContext d) {
    int size = d.stackOperandSize();
    return SystemInsn.ending(
        d,
        c -> {
          requireIopl3InVirtual8086(c);
          long value = c.pop(size);
          long change = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT;
          if (size > 2) {
            change |= Flags.AC | Flags.ID;
          }
          if (c.cpl <= c.iopl()) {
            change |= Flags.IF;
          }
          if (c.cpl == 0) {
            change |= Flags.IOPL;
          }
          c.setRflags(c.rflags() & ~(change | Flags.RF) | value & change);
        });
  }

  private static void requireIopl3InVirtual8086(SoftCpu c) {
    if (c.virtual8086() && c.iopl() < 3) {
      throw GuestFault.of(GuestFault.GP);
    }
  }

  private static void requireIopl(SoftCpu c) {
    if (c.protectedMode() && c.cpl > c.iopl()) {
      throw GuestFault.of(GuestFault.GP);
    }
  }

  static Insn cli(DecodeContext d) {
    return SystemInsn.plain(
        d,
        c -> {
          requireIopl(c);
          c.flagsRest &= ~Flags.IF;
        });
  }

  static Insn sti(DecodeContext d) {
    return SystemInsn.ending(
        d,
        c -> {
          requireIopl(c);
          if ((c.flagsRest & Flags.IF) == 0) {
            c.flagsRest |= Flags.IF;
            c.interruptShadow = true;
            c.attention = true;
          }
        });
  }

  static Insn halt(DecodeContext d) {
    return SystemInsn.ending(
        d,
        c -> {
          SystemInsn.requireSupervisor(c);
          c.activity = Activity.HALTED;
          c.attention = true;
        });
  }

  /** IN and OUT: bit 0 of the opcode is the width, bit 1 the direction. */
  static Insn io(DecodeContext d, Port port) {
    int size = (d.opcode() & 1) == 0 ? 1 : Math.min(4, d.operandSize());
    if ((d.opcode() & 2) != 0) {
      return SystemInsn.ending(d, c -> c.out(port.of(c), size, (int) c.regs[RAX] & mask(size)));
    }
    return SystemInsn.ending(
        d,
        c -> {
          int value = c.in(port.of(c), size);
          c.regs[RAX] =
              size == 4
                  ? value & 0xFFFF_FFFFL
                  : c.regs[RAX] & ~(long) mask(size) | value & mask(size);
        });
  }

  private static int mask(int size) {
    return size == 4 ? -1 : (1 << 8 * size) - 1;
  }
}
