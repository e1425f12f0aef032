package dev.godwit.cpu.soft;

import java.lang.classfile.CodeBuilder;

/** Writes loads and stores of operands: registers and their parts, memory, constants. */
final class OperandWriter {
  private static final int RSP = 4;

  private final RegionWriter region;
  private final CodeBuilder b;

  OperandWriter(RegionWriter region, CodeBuilder b) {
    this.region = region;
    this.b = b;
  }

  /** Pushes a value whose low bits are the operand, whatever is above. */
  void load(Operand operand) {
    switch (operand) {
      case Operand.Register r -> {
        region.load(r.number());
        if (r.shift() != 0) {
          b.loadConstant(r.shift()).lushr();
        }
      }
      case Operand.Memory m -> {
        linear(m.at());
        region.read("read" + m.bits() / 8);
      }
      case Operand.Immediate i -> b.loadConstant(i.value());
      case Operand.Local l -> b.lload(l.slot());
    }
  }

  /** Pushes an operand zero-extended. */
  void loadZeroExtended(Operand operand) {
    load(operand);
    if (!(operand instanceof Operand.Memory)) {
      zeroExtend(operand.bits());
    }
  }

  /** Pushes an operand sign-extended; a constant fits any width. */
  void loadSignExtended(Operand operand) {
    load(operand);
    if (!(operand instanceof Operand.Immediate)) {
      signExtend(operand.bits());
    }
  }

  void zeroExtend(int bits) {
    if (bits != 64) {
      b.loadConstant((1L << bits) - 1).land();
    }
  }

  void signExtend(int bits) {
    switch (bits) {
      case 8 -> b.l2i().i2b().i2l();
      case 16 -> b.l2i().i2s().i2l();
      case 32 -> b.l2i().i2l();
      default -> {}
    }
  }

  /** Stores the low bits of the value on the stack to a register or local. */
  void store(Operand operand) {
    switch (operand) {
      case Operand.Register r -> storeRegister(r);
      case Operand.Local l -> b.lstore(l.slot());
      default -> throw new IllegalArgumentException(operand.toString());
    }
  }

  private void storeRegister(Operand.Register r) {
    if (r.bits() < 64) {
      long mask = (1L << r.bits()) - 1;
      b.loadConstant(mask).land();
      if (r.bits() < 32) {
        if (r.shift() != 0) {
          b.loadConstant(r.shift()).lshl();
        }
        region.load(r.number());
        b.loadConstant(~(mask << r.shift())).land().lor();
      }
    }
    region.store(r.number());
  }

  /** Writes a local to memory, and leaves the region after the instruction if it must end. */
  void write(Operand.Memory memory, int slot) {
    linear(memory.at());
    b.lload(slot);
    region.write("write" + memory.bits() / 8);
    b.ifne(region.exitAfter());
  }

  /** Stores the value on the stack, in the end of an instruction, to wherever it belongs. */
  void storeLast(Operand operand) {
    if (operand instanceof Operand.Memory m) {
      int value = region.temporary();
      b.lstore(value);
      write(m, value);
    } else {
      store(operand);
    }
  }

  /** Pushes the effective address. */
  void offset(MemOperand m) {
    if (m.base == DecodeContext.NO_REGISTER && m.index == DecodeContext.NO_REGISTER) {
      b.loadConstant(m.displacement & m.mask);
      return;
    }
    boolean sum = false;
    if (m.base != DecodeContext.NO_REGISTER) {
      region.load(m.base);
      sum = true;
    }
    if (m.index != DecodeContext.NO_REGISTER) {
      region.load(m.index);
      if (m.scale != 0) {
        b.loadConstant(m.scale).lshl();
      }
      if (sum) {
        b.ladd();
      }
    }
    if (m.displacement != 0) {
      b.loadConstant(m.displacement).ladd();
    }
    if (m.mask != -1) {
      b.loadConstant(m.mask).land();
    }
  }

  /** Pushes the linear address. */
  void linear(MemOperand m) {
    offset(m);
    if (m.segment() != DecodeContext.FLAT) {
      region.segmentBase(m.segment());
      b.ladd();
    }
  }

  /** Pushes 8 bytes, those in a local, to the guest's stack; leaves there whether to end. */
  void push(int slot) {
    int to = region.temporary();
    region.load(RSP);
    b.loadConstant(8L).lsub().lstore(to);
    b.lload(to).lload(slot);
    region.write("push");
    b.lload(to);
    region.store(RSP);
  }

  /** Pops 8 bytes from an address in a local to the JVM's stack. */
  void pop(int slot) {
    b.lload(slot);
    region.read("pop");
  }

  /**
   * Begins a read-modify-write of memory: the old value comes to the local that is returned, the
   * hva to {@code hva}. What cannot be done at an hva is done by the node.
   */
  Operand.Local beginUpdate(Operand.Memory memory, int hva) {
    int bytes = memory.bits() / 8;
    linear(memory.at());
    region.updateHva(bytes);
    b.lstore(hva);
    b.lload(hva).lconst_0().lcmp();
    region.leaveByNodeIfZero();
    int old = region.temporary();
    b.lload(hva);
    region.get(bytes);
    b.lstore(old);
    return new Operand.Local(old, memory.bits());
  }

  /** Ends a read-modify-write: writes a local. */
  void endUpdate(Operand.Memory memory, int hva, Operand.Local value) {
    b.lload(hva).lload(value.slot());
    region.put(memory.bits() / 8);
  }
}
