package dev.godwit.cpu.soft;

import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.function.Consumer;

/**
 * Writes arithmetic. What is more than one instruction of the JVM is a call of the function that
 * the interpreter uses too, such as {@link Flags#auxOfAdd}, which the JVM's compiler inlines.
 *
 * <p>Order within an instruction: memory is read first, then flags and registers change.
 */
final class ArithmeticWriter {
  private static final int RCX = 1;

  private static final ClassDesc FLAGS = ClassDesc.of("dev.godwit.cpu.soft.Flags");
  private static final ClassDesc SHIFT = ClassDesc.of("dev.godwit.cpu.soft.Shift");
  private static final ClassDesc MULTIPLY = ClassDesc.of("dev.godwit.cpu.soft.Multiply");
  private static final MethodTypeDesc L_LI = MethodTypeDesc.of(CD_long, CD_long, CD_int);
  private static final MethodTypeDesc L_LII = MethodTypeDesc.of(CD_long, CD_long, CD_int, CD_int);
  private static final MethodTypeDesc L_LL = MethodTypeDesc.of(CD_long, CD_long, CD_long);
  private static final MethodTypeDesc L_LLI = MethodTypeDesc.of(CD_long, CD_long, CD_long, CD_int);
  private static final MethodTypeDesc L_LLLI =
      MethodTypeDesc.of(CD_long, CD_long, CD_long, CD_long, CD_int);
  private static final MethodTypeDesc L_LIL = MethodTypeDesc.of(CD_long, CD_long, CD_int, CD_long);

  private final RegionWriter region;
  private final CodeBuilder b;
  private final OperandWriter operands;
  private final FlagWriter flags;

  ArithmeticWriter(RegionWriter region, CodeBuilder b, OperandWriter operands, FlagWriter flags) {
    this.region = region;
    this.b = b;
    this.operands = operands;
    this.flags = flags;
  }

  /** Writes an instruction whose destination may be memory: reads it, computes, writes it. */
  boolean update(Place target, Consumer<Operand> compute) {
    if (target instanceof Place.Memory place) {
      if (place.atomic) {
        return false;
      }
      Operand.Memory memory = new Operand.Memory(place.operand, place.bits);
      int hva = region.temporary();
      Operand.Local old = operands.beginUpdate(memory, hva);
      compute.accept(old);
      operands.endUpdate(memory, hva, old);
    } else {
      compute.accept(Operand.of(target));
    }
    return true;
  }

  /** Returns an operand that can be loaded without a fault: memory is read to a local. */
  private Operand fetched(Operand operand) {
    if (operand instanceof Operand.Memory m) {
      int slot = region.temporary();
      operands.load(m);
      b.lstore(slot);
      return new Operand.Local(slot, m.bits());
    }
    return operand;
  }

  /** One of {@link Alu}'s eight. */
  void alu(int operation, Operand target, Operand source) {
    compute(operation, target, source, target.bits(), operation != Alu.CMP);
  }

  /** TEST. */
  void test(Operand first, Operand second) {
    compute(Alu.AND, first, second, first.bits(), false);
  }

  private void compute(int operation, Operand target, Operand from, int bits, boolean store) {
    Operand first = store ? target : fetched(target);
    Operand second = fetched(from);
    switch (operation) {
      case Alu.ADD, Alu.SUB, Alu.CMP -> sum(operation, first, second, bits, store);
      case Alu.ADC, Alu.SBB -> sumWithCarry(operation, first, second, bits);
      default -> logic(operation, first, second, bits, store);
    }
  }

  private void sum(int operation, Operand first, Operand second, int bits, boolean store) {
    operands.loadSignExtended(first);
    operands.loadSignExtended(second);
    b.lstore(RegionWriter.Y).lstore(RegionWriter.X);
    boolean add = operation == Alu.ADD;
    flags.set((add ? LazyFlags.ADD : LazyFlags.SUB) + LazyFlags.width(bits));
    if (store) {
      b.lload(RegionWriter.X).lload(RegionWriter.Y);
      if (add) {
        b.ladd();
      } else {
        b.lsub();
      }
      operands.store(first);
    }
  }

  private void sumWithCarry(int operation, Operand first, Operand second, int bits) {
    int a = region.temporary();
    int c = region.temporary();
    operands.loadSignExtended(first);
    b.lstore(a);
    operands.loadSignExtended(second);
    b.lstore(c);
    b.lload(a).lload(c);
    boolean add = operation == Alu.ADC;
    if (add) {
      b.ladd();
      flags.carry();
      b.ladd();
    } else {
      b.lsub();
      flags.carry();
      b.lsub();
    }
    operands.signExtend(bits);
    b.lstore(RegionWriter.X);
    b.lload(a).lload(c).lload(RegionWriter.X).loadConstant(bits);
    b.invokestatic(FLAGS, add ? "auxOfAdd" : "auxOfSub", L_LLLI);
    b.lstore(RegionWriter.Y);
    flags.set(LazyFlags.RAW);
    b.lload(RegionWriter.X);
    operands.store(first);
  }

  private void logic(int operation, Operand first, Operand second, int bits, boolean store) {
    operands.load(first);
    operands.load(second);
    switch (operation) {
      case Alu.AND -> b.land();
      case Alu.OR -> b.lor();
      default -> b.lxor();
    }
    operands.signExtend(bits);
    b.lstore(RegionWriter.X);
    flags.setLogic();
    if (store) {
      b.lload(RegionWriter.X);
      operands.store(first);
    }
  }

  void zero(Operand target) {
    b.lconst_0().lstore(RegionWriter.X);
    flags.setLogic();
    b.lconst_0();
    operands.store(target);
  }

  void step(Operand target, boolean increment) {
    flags.keepCarryOnly();
    operands.load(target);
    b.loadConstant(increment ? 1L : -1L).ladd();
    operands.signExtend(target.bits());
    b.lstore(RegionWriter.X);
    flags.set((increment ? LazyFlags.INC : LazyFlags.DEC) + LazyFlags.width(target.bits()));
    b.lload(RegionWriter.X);
    operands.store(target);
  }

  void negate(Operand target) {
    operands.loadSignExtended(target);
    b.lstore(RegionWriter.Y);
    b.lconst_0().lstore(RegionWriter.X);
    flags.set(LazyFlags.SUB + LazyFlags.width(target.bits()));
    b.lload(RegionWriter.Y).lneg();
    operands.store(target);
  }

  void not(Operand target) {
    operands.load(target);
    b.loadConstant(-1L).lxor();
    operands.store(target);
  }

  // Shifts.

  /** By an immediate; false if it is not one of those that are translated. */
  boolean shift(int operation, Operand target, int count) {
    int bits = target.bits();
    int n = Shift.maskCount(count, bits);
    if (operation == Shift.RCL || operation == Shift.RCR) {
      return false;
    }
    if (n == 0) {
      if (bits == 32) { // writes the register all the same
        operands.load(target);
        operands.store(target);
      }
      return true;
    }
    shiftBy(operation, target, () -> b.loadConstant(n));
    return true;
  }

  /** By CL. */
  boolean shiftByCl(int operation, Operand target) {
    int bits = target.bits();
    if (operation == Shift.RCL || operation == Shift.RCR) {
      return false;
    }
    int n = region.temporary();
    region.load(RCX);
    b.l2i().loadConstant(bits == 64 ? 63 : 31).iand().istore(n);
    flags.makeRaw(region.temporary());
    Label none = b.newLabel();
    Label end = b.newLabel();
    b.iload(n).ifeq(none);
    shiftBy(operation, target, () -> b.iload(n));
    b.goto_(end);
    b.labelBinding(none);
    operands.load(target);
    operands.store(target);
    b.labelBinding(end);
    return true;
  }

  private void shiftBy(int operation, Operand target, Runnable count) {
    int bits = target.bits();
    String name =
        switch (operation) {
          case Shift.ROL -> "rol";
          case Shift.ROR -> "ror";
          case Shift.SHR -> "shr";
          case Shift.SAR -> "sar";
          default -> "shl";
        };
    if (operation == Shift.ROL || operation == Shift.ROR) {
      flags.makeRaw(region.temporary());
      int result = region.temporary();
      operands.load(target);
      count.run();
      b.loadConstant(bits).invokestatic(SHIFT, name + "Result", L_LII).lstore(result);
      b.lload(result);
      if (operation == Shift.ROR) {
        b.loadConstant(bits).lload(RegionWriter.Y).invokestatic(SHIFT, "rorAux", L_LIL);
      } else {
        b.lload(RegionWriter.Y).invokestatic(SHIFT, "rolAux", L_LL);
      }
      b.lstore(RegionWriter.Y);
      b.lload(result);
    } else {
      int butLast = region.temporary();
      operands.load(target);
      count.run();
      b.loadConstant(bits).invokestatic(SHIFT, name + "ButLast", L_LII).lstore(butLast);
      b.lload(butLast).loadConstant(bits).invokestatic(SHIFT, name + "Result", L_LI);
      b.lstore(RegionWriter.X);
      b.lload(butLast).loadConstant(bits).invokestatic(SHIFT, name + "Aux", L_LI);
      b.lstore(RegionWriter.Y);
      flags.set(LazyFlags.RAW);
      b.lload(RegionWriter.X);
    }
    operands.store(target);
  }

  // Multiplication and bits.

  /** IMUL with two or three operands. */
  void multiply(Operand target, Operand first, Operand second) {
    int bits = target.bits();
    int x = region.temporary();
    int y = region.temporary();
    operands.loadSignExtended(first);
    b.lstore(x);
    operands.loadSignExtended(second);
    b.lstore(y);
    b.lload(x).lload(y).loadConstant(bits).invokestatic(MULTIPLY, "imulResult", L_LLI);
    b.lstore(RegionWriter.X);
    b.lload(x).lload(y).loadConstant(bits).invokestatic(MULTIPLY, "imulAux", L_LLI);
    b.lstore(RegionWriter.Y);
    flags.set(LazyFlags.RAW);
    b.lload(RegionWriter.X);
    operands.store(target);
  }

  /** BT of a register: the bit's index, masked, as an int is pushed by {@code index}. */
  void testBit(Operand source, Runnable index) {
    int carry = region.temporary();
    flags.makeRaw(region.temporary());
    operands.load(source);
    index.run();
    b.lushr().loadConstant(63).lshl();
    flags.setCarryFromSign(carry);
  }
}
