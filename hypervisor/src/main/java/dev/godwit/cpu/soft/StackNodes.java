package dev.godwit.cpu.soft;

/** PUSH and POP of registers, memory and immediates, PUSHA, POPA, ENTER, LEAVE. */
final class StackNodes {
  private static final int RSP = 4;
  private static final int RBP = 5;

  private StackNodes() {}

  static final class PushReg64 extends Insn {
    final int src;

    PushReg64(DecodeContext d, int src) {
      super(d);
      this.src = src;
    }

    @Override
    void execute(SoftCpu c) {
      c.push(8, c.regs[src]);
    }
  }

  static final class PushImm extends Insn {
    final int size;
    final long imm;

    PushImm(DecodeContext d, long imm) {
      super(d);
      this.size = d.stackOperandSize();
      this.imm = imm;
    }

    @Override
    void execute(SoftCpu c) {
      c.push(size, imm);
    }
  }

  static final class Push extends Insn {
    final Place source;

    Push(DecodeContext d, Place source) {
      super(d);
      this.source = source;
    }

    @Override
    void execute(SoftCpu c) {
      c.push(source.bytes, source.get(c));
    }
  }

  static final class PopReg64 extends Insn {
    final int dst;

    PopReg64(DecodeContext d, int dst) {
      super(d);
      this.dst = dst;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = c.pop(8); // POP RSP: the value wins over the increment
    }
  }

  /**
   * POP of any operand. An address that uses RSP uses its value after the increment (SDM vol. 2,
   * POP).
   */
  static final class Pop extends Insn {
    final Place target;

    Pop(DecodeContext d, Place target) {
      super(d);
      this.target = target;
    }

    @Override
    void execute(SoftCpu c) {
      long rsp = c.regs[RSP];
      long value = c.pop(target.bytes);
      try {
        target.set(c, value);
      } catch (GuestFault fault) {
        c.regs[RSP] = rsp;
        throw fault;
      }
    }
  }

  /** PUSHA and PUSHAD: all eight, RSP with its value from before. */
  static final class PushAll extends Insn {
    final int size;

    PushAll(DecodeContext d) {
      super(d);
      this.size = d.operandSize();
    }

    @Override
    void execute(SoftCpu c) {
      long rsp = c.regs[RSP];
      try {
        for (int i = 0; i < 8; i++) {
          c.push(size, i == RSP ? rsp : c.regs[i]);
        }
      } catch (GuestFault fault) {
        c.regs[RSP] = rsp;
        throw fault;
      }
    }
  }

  /** POPA and POPAD: all but RSP, whose slot is skipped. */
  static final class PopAll extends Insn {
    final int size;

    PopAll(DecodeContext d) {
      super(d);
      this.size = d.operandSize();
    }

    @Override
    void execute(SoftCpu c) {
      long[] before = c.regs.clone();
      long kept = size == 4 ? 0 : ~0xFFFFL;
      try {
        for (int i = 7; i >= 0; i--) {
          long value = c.pop(size);
          if (i != RSP) {
            c.regs[i] = before[i] & kept | value;
          }
        }
      } catch (GuestFault fault) {
        System.arraycopy(before, 0, c.regs, 0, before.length);
        throw fault;
      }
    }
  }

  static final class Leave extends Insn {
    final int size;
    final long stackMask;

    Leave(DecodeContext d) {
      super(d);
      this.size = d.stackOperandSize();
      this.stackMask = Alu.zeroExtend(-1, 8 * d.stackAddressSize());
    }

    @Override
    void execute(SoftCpu c) {
      long rsp = c.regs[RSP];
      long rbp = c.regs[RBP];
      c.regs[RSP] = rsp & ~stackMask | rbp & stackMask;
      try {
        long value = c.pop(size);
        c.regs[RBP] = size == 2 ? rbp & ~0xFFFFL | value : value;
      } catch (GuestFault fault) {
        c.regs[RSP] = rsp;
        throw fault;
      }
    }
  }

  /** ENTER: pushes RBP and up to 31 frame pointers, makes room (SDM vol. 2, ENTER). */
  static final class Enter extends Insn {
    final int size;
    final int roomBytes;
    final int level;
    final int stackSegment;
    final boolean is64;
    final long stackMask;

    Enter(DecodeContext d, int roomBytes, int level) {
      super(d);
      this.size = d.stackOperandSize();
      this.roomBytes = roomBytes;
      this.level = level & 31;
      this.stackSegment = d.fixedSegment(DecodeContext.SS);
      this.is64 = d.is64();
      this.stackMask = Alu.zeroExtend(-1, 8 * d.stackAddressSize());
    }

    @Override
    void execute(SoftCpu c) {
      long rsp = c.regs[RSP];
      try {
        enter(c);
      } catch (GuestFault fault) {
        c.regs[RSP] = rsp;
        throw fault;
      }
    }

    private void enter(SoftCpu c) {
      long rbp = c.regs[RBP];
      c.push(size, rbp);
      long frame = c.regs[RSP];
      if (level > 0) {
        for (int i = 1; i < level; i++) {
          long from = stackLinear(c, rbp - (long) i * size & stackMask, false);
          c.push(size, Place.read(c, from, size));
        }
        c.push(size, frame);
      }
      long rsp = c.regs[RSP];
      long bottom = rsp - roomBytes & stackMask;
      // The new top of the stack must be writable, or the frame is not made.
      c.probeWrite(stackLinear(c, bottom, true), size);
      c.regs[RSP] = rsp & ~stackMask | bottom;
      // All of ESP, with a 16-bit stack too.
      c.regs[RBP] = size == 2 ? rbp & ~0xFFFFL | frame & 0xFFFF : Alu.zeroExtend(frame, 8 * size);
    }

    private long stackLinear(SoftCpu c, long offset, boolean write) {
      return is64 ? offset : c.checkedLinear(stackSegment, offset, size, write);
    }
  }
}
