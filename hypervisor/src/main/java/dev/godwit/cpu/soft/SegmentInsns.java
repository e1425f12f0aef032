package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/**
 * Moves to and from segment registers, and the checks that legacy code makes with selectors and
 * bounds.
 */
final class SegmentInsns {
  private static final int RSP = 4;

  private SegmentInsns() {}

  static Insn push(DecodeContext d, int seg) {
    int size = d.stackOperandSize();
    return SystemInsn.plain(d, c -> c.push(size, c.segSelector[seg]));
  }

  static Insn pop(DecodeContext d, int seg) {
    int size = d.stackOperandSize();
    return SystemInsn.ending(
        d,
        c -> {
          long old = c.regs[RSP];
          int selector = (int) c.pop(size) & 0xFFFF;
          try {
            c.segments.loadChecked(seg, selector);
          } catch (GuestFault fault) {
            c.regs[RSP] = old;
            throw fault;
          }
          shadowIfStack(c, seg);
        });
  }

  /**
   * After MOV and POP of SS no interrupt is taken before the next instruction (SDM vol. 3A 6.8.3);
   * after LSS, which sets the stack pointer too, one may be.
   */
  private static void shadowIfStack(SoftCpu c, int seg) {
    if (seg == DecodeContext.SS) {
      c.interruptShadow = true;
      c.debugShadow = true;
      c.attention = true;
    }
  }

  /** 8C: MOV r/m, Sreg. */
  static @Nullable Insn store(DecodeContext d) {
    int seg = d.regField();
    if (seg > DecodeContext.GS) {
      return null;
    }
    if (d.isRegister()) {
      int to = d.rm();
      int size = d.operandSize();
      return SystemInsn.plain(d, c -> SystemInsn.setRegister(c, to, size, c.segSelector[seg]));
    }
    MemOperand m = d.mem();
    return SystemInsn.plain(d, c -> c.write16(m.forWrite(c, 2), c.segSelector[seg]));
  }

  /** 8E: MOV Sreg, r/m16. */
  static @Nullable Insn load(DecodeContext d) {
    int seg = d.regField();
    if (seg > DecodeContext.GS || seg == DecodeContext.CS) {
      return null;
    }
    if (d.isRegister()) {
      int from = d.rm();
      return SystemInsn.ending(
          d,
          c -> {
            c.segments.loadChecked(seg, (int) c.regs[from] & 0xFFFF);
            shadowIfStack(c, seg);
          });
    }
    MemOperand m = d.mem();
    return SystemInsn.ending(
        d,
        c -> {
          c.segments.loadChecked(seg, c.read16(m.forRead(c, 2)));
          shadowIfStack(c, seg);
        });
  }

  /** LDS, LES, LSS, LFS, LGS. */
  static Insn loadPointer(DecodeContext d, int seg) {
    int size = d.operandSize();
    int to = d.reg();
    MemOperand m = d.mem();
    return SystemInsn.ending(
        d,
        c -> {
          long offset = readSized(c, m.forRead(c, size), size);
          int selector = c.read16(m.forRead(c, size, 2));
          c.segments.loadChecked(seg, selector);
          SystemInsn.setRegister(c, to, size, offset);
        });
  }

  static long readSized(SoftCpu c, long lin, int size) {
    return switch (size) {
      case 2 -> c.read16(lin);
      case 4 -> c.read32(lin) & 0xFFFF_FFFFL;
      default -> c.read64(lin);
    };
  }

  static Insn bound(DecodeContext d) {
    int size = d.operandSize();
    int index = d.reg();
    MemOperand m = d.mem();
    return SystemInsn.plain(
        d,
        c -> {
          int value = size == 2 ? (short) c.regs[index] : (int) c.regs[index];
          long low = readSized(c, m.forRead(c, size), size);
          long high = readSized(c, m.forRead(c, size, size), size);
          int first = size == 2 ? (short) low : (int) low;
          int last = size == 2 ? (short) high : (int) high;
          if (value < first || value > last) {
            throw GuestFault.of(GuestFault.BR);
          }
        });
  }

  /** ARPL: raises the destination's RPL to the source's. */
  static Insn arpl(DecodeContext d) {
    int from = d.reg();
    if (d.isRegister()) {
      int to = d.rm();
      return SystemInsn.plain(
          d,
          c -> {
            requireProtected(c);
            int old = (int) c.regs[to] & 0xFFFF;
            int rpl = (int) c.regs[from] & 3;
            boolean raise = (old & 3) < rpl;
            if (raise) {
              SystemInsn.setRegister(c, to, 2, old & ~3 | rpl);
            }
            SystemInsn.setZero(c, raise);
          });
    }
    MemOperand m = d.mem();
    return SystemInsn.plain(
        d,
        c -> {
          requireProtected(c);
          long at = m.forWrite(c, 2);
          int old = c.read16(at);
          int rpl = (int) c.regs[from] & 3;
          boolean raise = (old & 3) < rpl;
          if (raise) {
            c.write16(at, old & ~3 | rpl);
          }
          SystemInsn.setZero(c, raise);
        });
  }

  /** Raises #UD in real and virtual-8086 mode. */
  static void requireProtected(SoftCpu c) {
    if (!c.protectedMode() || c.virtual8086()) {
      throw GuestFault.of(GuestFault.UD);
    }
  }
}
