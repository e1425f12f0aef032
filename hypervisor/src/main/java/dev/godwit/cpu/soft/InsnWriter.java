package dev.godwit.cpu.soft;

import static dev.godwit.cpu.soft.Operand.imm;
import static dev.godwit.cpu.soft.Operand.m;
import static dev.godwit.cpu.soft.Operand.r16;
import static dev.godwit.cpu.soft.Operand.r32;
import static dev.godwit.cpu.soft.Operand.r64;
import static dev.godwit.cpu.soft.Operand.r8;
import static java.lang.constant.ConstantDescs.CD_int;
import static java.lang.constant.ConstantDescs.CD_long;

import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.List;

/**
 * Translates instructions, node by node: the common integer subset of 64-bit code. Whatever {@link
 * #write} knows nothing about is executed by its node.
 */
final class InsnWriter {
  private static final int RAX = 0;
  private static final int RDX = 2;
  private static final int RSP = 4;
  private static final int RBP = 5;
  private static final ClassDesc LONG = ClassDesc.of("java.lang.Long");

  private final RegionWriter region;
  private final CodeBuilder b;
  private final OperandWriter operands;
  private final FlagWriter flags;
  private final ArithmeticWriter arithmetic;

  InsnWriter(RegionWriter region, CodeBuilder b) {
    this.region = region;
    this.b = b;
    this.operands = new OperandWriter(region, b);
    this.flags = new FlagWriter(b);
    this.arithmetic = new ArithmeticWriter(region, b, operands, flags);
  }

  /** A block may be entered from several places. */
  void startBlock() {
    flags.unknown();
  }

  /** The flags were loaded from {@link SoftCpu}. */
  void flagsReloaded() {
    flags.unknown();
  }

  /** Writes an instruction that does not branch; false if only its node can execute it. */
  boolean write(Insn insn) {
    return switch (insn) {
      case RegReg n -> registers(n);
      case RegImm n -> registerAndConstant(n);
      case RegMem n -> registerAndMemory(n);
      case MemReg n -> memoryAndRegister(n);
      case MemImm n -> memoryAndConstant(n);
      case AluNodes.OneReg n -> oneRegister(n);
      case Update n -> update(n);
      default -> other(insn);
    };
  }

  private boolean alu(int operation, Operand target, Operand source) {
    arithmetic.alu(operation, target, source);
    return true;
  }

  private boolean test(Operand first, Operand second) {
    arithmetic.test(first, second);
    return true;
  }

  private boolean move(Operand target, Operand source, boolean signed) {
    if (signed) {
      operands.loadSignExtended(source);
    } else if (source.bits() < target.bits()) {
      operands.loadZeroExtended(source);
    } else {
      operands.load(source);
    }
    operands.storeLast(target);
    return true;
  }

  private boolean registers(RegReg n) {
    int d = n.dst;
    int s = n.src;
    return switch (n) {
      case MoveNodes.R64R x -> move(r64(d), r64(s), false);
      case MoveNodes.R32R x -> move(r32(d), r32(s), false);
      case MoveNodes.R8R8 x -> move(r8(d), r8(s), false);
      case MoveNodes.Zx8R x -> move(r64(d), r8(s), false);
      case MoveNodes.Zx16R x -> move(r64(d), r16(s), false);
      case MoveNodes.Sx8To64R x -> move(r64(d), r8(s), true);
      case MoveNodes.Sx8To32R x -> move(r32(d), r8(s), true);
      case MoveNodes.Sx32R x -> move(r64(d), r32(s), true);
      case Alu64.AddRR x -> alu(Alu.ADD, r64(d), r64(s));
      case Alu64.OrRR x -> alu(Alu.OR, r64(d), r64(s));
      case Alu64.AdcRR x -> alu(Alu.ADC, r64(d), r64(s));
      case Alu64.SbbRR x -> alu(Alu.SBB, r64(d), r64(s));
      case Alu64.AndRR x -> alu(Alu.AND, r64(d), r64(s));
      case Alu64.SubRR x -> alu(Alu.SUB, r64(d), r64(s));
      case Alu64.XorRR x -> alu(Alu.XOR, r64(d), r64(s));
      case Alu64.CmpRR x -> alu(Alu.CMP, r64(d), r64(s));
      case Alu64.TestRR x -> test(r64(d), r64(s));
      case Alu32.AddRR x -> alu(Alu.ADD, r32(d), r32(s));
      case Alu32.OrRR x -> alu(Alu.OR, r32(d), r32(s));
      case Alu32.AdcRR x -> alu(Alu.ADC, r32(d), r32(s));
      case Alu32.SbbRR x -> alu(Alu.SBB, r32(d), r32(s));
      case Alu32.AndRR x -> alu(Alu.AND, r32(d), r32(s));
      case Alu32.SubRR x -> alu(Alu.SUB, r32(d), r32(s));
      case Alu32.XorRR x -> alu(Alu.XOR, r32(d), r32(s));
      case Alu32.CmpRR x -> alu(Alu.CMP, r32(d), r32(s));
      case Alu32.TestRR x -> test(r32(d), r32(s));
      case CompareNodes.CmpR8R8 x -> alu(Alu.CMP, r8(d), r8(s));
      case CompareNodes.TestR8R8 x -> test(r8(d), r8(s));
      case MultiplyNodes.Imul64 x -> multiply(r64(d), r64(d), r64(s));
      case MultiplyNodes.Imul32 x -> multiply(r32(d), r32(d), r32(s));
      case MultiplyNodes.Imul64Imm x -> multiply(r64(d), r64(s), imm(x.imm));
      case ConditionNodes.CmovReg x -> {
        boolean wide = x.mask == -1;
        yield conditionalMove(x.condition, wide ? r64(d) : r32(d), wide ? r64(s) : r32(s));
      }
      case BitNodes.TestReg x -> {
        arithmetic.testBit(
            r64(d),
            () -> {
              region.load(s);
              b.l2i().loadConstant(x.indexMask).iand();
            });
        yield true;
      }
      default -> false;
    };
  }

  private boolean multiply(Operand target, Operand first, Operand second) {
    arithmetic.multiply(target, first, second);
    return true;
  }

  private boolean registerAndConstant(RegImm n) {
    int d = n.dst;
    Operand i = imm(n.imm);
    return switch (n) {
      case MoveNodes.RegConstant x -> move(r64(d), i, false);
      case Alu64.AddRI x -> alu(Alu.ADD, r64(d), i);
      case Alu64.OrRI x -> alu(Alu.OR, r64(d), i);
      case Alu64.AdcRI x -> alu(Alu.ADC, r64(d), i);
      case Alu64.SbbRI x -> alu(Alu.SBB, r64(d), i);
      case Alu64.AndRI x -> alu(Alu.AND, r64(d), i);
      case Alu64.SubRI x -> alu(Alu.SUB, r64(d), i);
      case Alu64.XorRI x -> alu(Alu.XOR, r64(d), i);
      case Alu64.CmpRI x -> alu(Alu.CMP, r64(d), i);
      case Alu64.TestRI x -> test(r64(d), i);
      case Alu32.AddRI x -> alu(Alu.ADD, r32(d), i);
      case Alu32.OrRI x -> alu(Alu.OR, r32(d), i);
      case Alu32.AdcRI x -> alu(Alu.ADC, r32(d), i);
      case Alu32.SbbRI x -> alu(Alu.SBB, r32(d), i);
      case Alu32.AndRI x -> alu(Alu.AND, r32(d), i);
      case Alu32.SubRI x -> alu(Alu.SUB, r32(d), i);
      case Alu32.XorRI x -> alu(Alu.XOR, r32(d), i);
      case Alu32.CmpRI x -> alu(Alu.CMP, r32(d), i);
      case Alu32.TestRI x -> test(r32(d), i);
      case CompareNodes.CmpR8I x -> alu(Alu.CMP, r8(d), i);
      case CompareNodes.TestR8I x -> test(r8(d), i);
      case ShiftNodes.Shl64 x -> arithmetic.shift(Shift.SHL, r64(d), x.count);
      case ShiftNodes.Shr64 x -> arithmetic.shift(Shift.SHR, r64(d), x.count);
      case ShiftNodes.Sar64 x -> arithmetic.shift(Shift.SAR, r64(d), x.count);
      case ShiftNodes.Shl32 x -> arithmetic.shift(Shift.SHL, r32(d), x.count);
      case ShiftNodes.Shr32 x -> arithmetic.shift(Shift.SHR, r32(d), x.count);
      case ShiftNodes.Sar32 x -> arithmetic.shift(Shift.SAR, r32(d), x.count);
      case ShiftNodes.Rol32 x -> arithmetic.shift(Shift.ROL, r32(d), x.count);
      case ShiftNodes.Ror32 x -> arithmetic.shift(Shift.ROR, r32(d), x.count);
      default -> false;
    };
  }

  private boolean registerAndMemory(RegMem n) {
    int d = n.dst;
    MemOperand s = n.src;
    return switch (n) {
      case MoveNodes.R64M x -> move(r64(d), m(s, 64), false);
      case MoveNodes.R32M x -> move(r32(d), m(s, 32), false);
      case MoveNodes.R8M x -> move(r8(d), m(s, 8), false);
      case MoveNodes.Zx8M x -> move(r64(d), m(s, 8), false);
      case MoveNodes.Zx16M x -> move(r64(d), m(s, 16), false);
      case MoveNodes.Sx8To64M x -> move(r64(d), m(s, 8), true);
      case MoveNodes.Sx8To32M x -> move(r32(d), m(s, 8), true);
      case MoveNodes.Sx32M x -> move(r64(d), m(s, 32), true);
      case MoveNodes.Lea64 x -> address(r64(d), s);
      case MoveNodes.Lea32 x -> address(r32(d), s);
      case MoveNodes.Lea16 x -> address(r16(d), s);
      case Alu64.AddRM x -> alu(Alu.ADD, r64(d), m(s, 64));
      case Alu64.OrRM x -> alu(Alu.OR, r64(d), m(s, 64));
      case Alu64.AdcRM x -> alu(Alu.ADC, r64(d), m(s, 64));
      case Alu64.SbbRM x -> alu(Alu.SBB, r64(d), m(s, 64));
      case Alu64.AndRM x -> alu(Alu.AND, r64(d), m(s, 64));
      case Alu64.SubRM x -> alu(Alu.SUB, r64(d), m(s, 64));
      case Alu64.XorRM x -> alu(Alu.XOR, r64(d), m(s, 64));
      case Alu64.CmpRM x -> alu(Alu.CMP, r64(d), m(s, 64));
      case Alu32.AddRM x -> alu(Alu.ADD, r32(d), m(s, 32));
      case Alu32.OrRM x -> alu(Alu.OR, r32(d), m(s, 32));
      case Alu32.AdcRM x -> alu(Alu.ADC, r32(d), m(s, 32));
      case Alu32.SbbRM x -> alu(Alu.SBB, r32(d), m(s, 32));
      case Alu32.AndRM x -> alu(Alu.AND, r32(d), m(s, 32));
      case Alu32.SubRM x -> alu(Alu.SUB, r32(d), m(s, 32));
      case Alu32.XorRM x -> alu(Alu.XOR, r32(d), m(s, 32));
      case Alu32.CmpRM x -> alu(Alu.CMP, r32(d), m(s, 32));
      case CompareNodes.CmpR8M x -> alu(Alu.CMP, r8(d), m(s, 8));
      case MultiplyNodes.Imul64M x -> multiply(r64(d), r64(d), m(s, 64));
      default -> false;
    };
  }

  private boolean address(Operand target, MemOperand source) {
    operands.offset(source);
    operands.store(target);
    return true;
  }

  private boolean memoryAndRegister(MemReg n) {
    MemOperand d = n.dst;
    int s = n.src;
    return switch (n) {
      case MoveNodes.M64R x -> move(m(d, 64), r64(s), false);
      case MoveNodes.M32R x -> move(m(d, 32), r32(s), false);
      case MoveNodes.M16R x -> move(m(d, 16), r16(s), false);
      case MoveNodes.M8R x -> move(m(d, 8), r8(s), false);
      case CompareNodes.CmpM64R x -> alu(Alu.CMP, m(d, 64), r64(s));
      case CompareNodes.CmpM32R x -> alu(Alu.CMP, m(d, 32), r32(s));
      default -> false;
    };
  }

  private boolean memoryAndConstant(MemImm n) {
    MemOperand d = n.dst;
    Operand i = imm(n.imm);
    return switch (n) {
      case MoveNodes.M64I x -> move(m(d, 64), i, false);
      case MoveNodes.M32I x -> move(m(d, 32), i, false);
      case MoveNodes.M8I x -> move(m(d, 8), i, false);
      case CompareNodes.CmpM8I x -> alu(Alu.CMP, m(d, 8), i);
      case CompareNodes.CmpM32I x -> alu(Alu.CMP, m(d, 32), i);
      case CompareNodes.CmpM64I x -> alu(Alu.CMP, m(d, 64), i);
      case CompareNodes.TestM8I x -> test(m(d, 8), i);
      case CompareNodes.TestM32I x -> test(m(d, 32), i);
      case CompareNodes.TestM64I x -> test(m(d, 64), i);
      default -> false;
    };
  }

  private boolean oneRegister(AluNodes.OneReg n) {
    int d = n.dst;
    switch (n) {
      case AluNodes.Inc64 x -> arithmetic.step(r64(d), true);
      case AluNodes.Inc32 x -> arithmetic.step(r32(d), true);
      case AluNodes.Dec64 x -> arithmetic.step(r64(d), false);
      case AluNodes.Dec32 x -> arithmetic.step(r32(d), false);
      case AluNodes.Not64 x -> arithmetic.not(r64(d));
      case AluNodes.Neg64 x -> arithmetic.negate(r64(d));
      case AluNodes.Neg32 x -> arithmetic.negate(r32(d));
      default -> {
        return false;
      }
    }
    return true;
  }

  private boolean update(Update n) {
    return switch (n) {
      case AluNodes.UpdateImm x ->
          arithmetic.update(x.target, old -> arithmetic.alu(x.operation, old, imm(x.imm)));
      case AluNodes.UpdatePlace x ->
          arithmetic.update(
              x.target, old -> arithmetic.alu(x.operation, old, Operand.of(x.source)));
      case AluNodes.Inc x -> arithmetic.update(x.target, old -> arithmetic.step(old, true));
      case AluNodes.Dec x -> arithmetic.update(x.target, old -> arithmetic.step(old, false));
      case AluNodes.Not x -> arithmetic.update(x.target, arithmetic::not);
      case AluNodes.Neg x -> arithmetic.update(x.target, arithmetic::negate);
      case ShiftNodes.ByImm x ->
          x.operation != Shift.RCL
              && x.operation != Shift.RCR
              && arithmetic.update(x.target, old -> arithmetic.shift(x.operation, old, x.count));
      case ShiftNodes.ByCl x ->
          x.operation != Shift.RCL
              && x.operation != Shift.RCR
              && arithmetic.update(x.target, old -> arithmetic.shiftByCl(x.operation, old));
      case ExchangeNodes.Xchg x ->
          x.target instanceof Place.Register
              && exchange(Operand.of(x.target), Operand.of(x.source));
      default -> false;
    };
  }

  private boolean exchange(Operand first, Operand second) {
    int a = region.temporary();
    int c = region.temporary();
    operands.load(first);
    b.lstore(a);
    operands.load(second);
    b.lstore(c);
    b.lload(a);
    operands.store(second);
    b.lload(c);
    operands.store(first);
    return true;
  }

  private boolean other(Insn insn) {
    return switch (insn) {
      case MiscNodes.Nop n -> true;
      case Alu64.Zero n -> zero(r64(n.dst));
      case Alu32.Zero n -> zero(r32(n.dst));
      case MoveNodes.Places n -> move(Operand.of(n.target), Operand.of(n.source), n.signed);
      case MoveNodes.PlaceImm n -> move(Operand.of(n.target), imm(n.imm), false);
      case CompareNodes.Places n -> compare(n.test, Operand.of(n.first), Operand.of(n.second));
      case CompareNodes.PlaceImm n -> compare(n.test, Operand.of(n.first), imm(n.imm));
      case ConditionNodes.Cmov n ->
          conditionalMove(n.condition, Operand.of(n.target), Operand.of(n.source));
      case ConditionNodes.SetReg n -> set(n.condition, r8(n.dst));
      case ConditionNodes.Set n -> set(n.condition, Operand.of(n.target));
      case MultiplyNodes.Imul2 n ->
          multiply(Operand.of(n.target), Operand.of(n.target), Operand.of(n.source));
      case MultiplyNodes.Imul3 n ->
          multiply(Operand.of(n.target), Operand.of(n.source), imm(n.imm));
      case BitNodes.TestImm n -> {
        if (n.source instanceof Place.Memory) {
          yield false;
        }
        arithmetic.testBit(Operand.of(n.source), () -> b.loadConstant(n.index));
        yield true;
      }
      case MiscNodes.SignExtendRax n ->
          move(
              new Operand.Register(RAX, 8 * n.bytes, 0),
              new Operand.Register(RAX, 4 * n.bytes, 0),
              true);
      case MiscNodes.SignToRdx n -> {
        operands.loadSignExtended(new Operand.Register(RAX, 8 * n.bytes, 0));
        b.loadConstant(63).lshr();
        operands.store(new Operand.Register(RDX, 8 * n.bytes, 0));
        yield true;
      }
      case ExchangeNodes.Bswap n -> n.bytes >= 4 && swapBytes(n);
      default -> stack(insn);
    };
  }

  private boolean zero(Operand target) {
    arithmetic.zero(target);
    return true;
  }

  private boolean compare(boolean test, Operand first, Operand second) {
    return test ? test(first, second) : alu(Alu.CMP, first, second);
  }

  private boolean swapBytes(ExchangeNodes.Bswap n) {
    region.load(n.reg);
    b.invokestatic(LONG, "reverseBytes", MethodTypeDesc.of(CD_long, CD_long));
    if (n.bytes == 4) {
      b.loadConstant(32).lushr();
    }
    region.store(n.reg);
    return true;
  }

  private boolean conditionalMove(int condition, Operand target, Operand source) {
    int value = region.temporary();
    operands.load(source);
    b.lstore(value);
    Label take = b.newLabel();
    Label end = b.newLabel();
    flags.branchIf(condition, take);
    operands.load(target);
    b.goto_(end);
    b.labelBinding(take);
    b.lload(value);
    b.labelBinding(end);
    operands.store(target);
    return true;
  }

  private boolean set(int condition, Operand target) {
    Label take = b.newLabel();
    Label end = b.newLabel();
    flags.branchIf(condition, take);
    b.lconst_0().goto_(end);
    b.labelBinding(take);
    b.lconst_1();
    b.labelBinding(end);
    operands.storeLast(target);
    return true;
  }

  // The stack.

  private boolean stack(Insn insn) {
    return switch (insn) {
      case StackNodes.PushReg64 n -> push(r64(n.src));
      case StackNodes.PushImm n -> n.size == 8 && push(imm(n.imm));
      case StackNodes.Push n -> n.source.bytes == 8 && push(Operand.of(n.source));
      case StackNodes.PopReg64 n -> {
        int from = region.temporary();
        int value = region.temporary();
        region.load(RSP);
        b.lstore(from);
        operands.pop(from);
        b.lstore(value);
        movedStack(from);
        b.lload(value);
        region.store(n.dst);
        yield true;
      }
      case StackNodes.Leave n -> {
        if (n.size != 8) {
          yield false;
        }
        int from = region.temporary();
        region.load(RBP);
        b.lstore(from);
        operands.pop(from);
        region.store(RBP);
        movedStack(from);
        yield true;
      }
      default -> false;
    };
  }

  /** RSP becomes 8 more than a local. */
  private void movedStack(int from) {
    b.lload(from).loadConstant(8L).ladd();
    region.store(RSP);
  }

  private boolean push(Operand source) {
    int value = region.temporary();
    operands.load(source);
    b.lstore(value);
    operands.push(value);
    b.ifne(region.exitAfter());
    return true;
  }

  // Branches.

  /** Writes the last instruction of a block; false if only its node can execute it. */
  boolean writeBranch(Insn insn, List<Long> followers) {
    switch (insn) {
      case BranchNodes.Jmp n -> {
        region.retireBlock();
        region.jump(n.target);
      }
      case BranchNodes.Conditional n -> {
        region.retireBlock();
        Label taken = b.newLabel();
        flags.branchIf(n.condition, taken);
        region.jump(n.nextRip);
        b.labelBinding(taken);
        region.jump(n.target);
      }
      case BranchNodes.Call n -> call(n);
      case BranchNodes.JmpIndirect n -> {
        operands.load(Operand.of(n.place));
        checkTarget();
        b.lstore(RegionWriter.RIP);
        region.retireBlock();
        dispatch(followers);
      }
      case BranchNodes.CallIndirect n -> callIndirect(n, followers);
      case BranchNodes.Ret n -> {
        int from = region.temporary();
        region.load(RSP);
        b.lstore(from);
        operands.pop(from);
        checkTarget();
        b.lstore(RegionWriter.RIP);
        b.lload(from).loadConstant(8L + n.dropBytes).ladd();
        region.store(RSP);
        region.retireBlock();
        dispatch(followers);
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private void call(BranchNodes.Call n) {
    int next = region.temporary();
    b.loadConstant(n.nextRip).lstore(next);
    operands.push(next);
    int stop = region.temporary();
    b.istore(stop);
    region.retireBlock();
    b.iload(stop).ifne(region.exitTo(n.target));
    region.jump(n.target);
  }

  private void callIndirect(BranchNodes.CallIndirect n, List<Long> followers) {
    operands.load(Operand.of(n.place));
    checkTarget();
    b.lstore(RegionWriter.RIP);
    int next = region.temporary();
    b.loadConstant(n.nextRip).lstore(next);
    operands.push(next);
    int stop = region.temporary();
    b.istore(stop);
    region.retireBlock();
    Label on = b.newLabel();
    b.iload(stop).ifeq(on);
    region.leaveToRip();
    b.labelBinding(on);
    dispatch(followers);
  }

  /** Raises #GP(0) unless the RIP on the stack is canonical. */
  private void checkTarget() {
    region.mayFault();
    b.loadConstant(8)
        .invokestatic(
            ClassDesc.of("dev.godwit.cpu.soft.BranchNodes"),
            "checkedTarget",
            MethodTypeDesc.of(CD_long, CD_long, CD_int));
  }

  /** Goes to where the RIP in its local says, if that is one of those, else out of the region. */
  private void dispatch(List<Long> followers) {
    for (long rip : followers) {
      if (region.contains(rip)) {
        Label other = b.newLabel();
        b.lload(RegionWriter.RIP).loadConstant(rip).lcmp().ifne(other);
        region.jump(rip);
        b.labelBinding(other);
      }
    }
    region.leaveToRip();
  }
}
