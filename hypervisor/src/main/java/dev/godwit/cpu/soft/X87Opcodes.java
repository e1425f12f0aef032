package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.X87Insn.Action;
import dev.godwit.cpu.soft.X87Insn.Kind;
import org.jspecify.annotations.Nullable;

/** Decodes the x87: opcodes D8–DF (SDM vol. 2 A.5), and WAIT. */
final class X87Opcodes {
  private X87Opcodes() {}

  /** Returns the node of an x87 instruction, or null if the opcode is none. */
  static @Nullable Insn decode(DecodeContext d) {
    if (d.map() != 0 || d.hasLock()) {
      return null;
    }
    int opcode = d.opcode();
    if (opcode == 0x9B) {
      return new X87Insn(d, Kind.WAIT, null, (c, f) -> {});
    }
    if ((opcode & 0xF8) != 0xD8) {
      return null;
    }
    return d.isRegister() ? register(d, opcode) : memory(d, opcode, d.mem());
  }

  // --- memory forms -----------------------------------------------------------------------------

  private static @Nullable Insn memory(DecodeContext d, int opcode, MemOperand m) {
    int reg = d.regField();
    if ((opcode & 1) == 0) {
      return numeric(d, m, arithmetic(opcode, reg, m));
    }
    if (opcode == 0xD9 && reg >= 4 || opcode == 0xDD && reg >= 4) {
      return control(d, opcode, reg, m);
    }
    if (reg == 1 && opcode != 0xD9 && !d.model().hasLaterSse()) {
      return null; // FISTTP is SSE3's
    }
    Action action =
        switch (opcode << 4 | reg) {
          case 0xD90 -> (c, f) -> X87Moves.loadSingle(f, c.read32(m.forRead(c, 4)));
          case 0xD92 -> (c, f) -> X87Moves.storeSingle(c, f, m, false);
          case 0xD93 -> (c, f) -> X87Moves.storeSingle(c, f, m, true);
          case 0xDB0 -> (c, f) -> X87Moves.loadInteger(f, c.read32(m.forRead(c, 4)));
          case 0xDB1 -> (c, f) -> X87Moves.storeTruncated(c, f, m, 32);
          case 0xDB2 -> (c, f) -> X87Moves.storeInteger(c, f, m, 32, false);
          case 0xDB3 -> (c, f) -> X87Moves.storeInteger(c, f, m, 32, true);
          case 0xDB5 -> (c, f) -> X87Moves.loadExtended(c, f, m);
          case 0xDB7 -> (c, f) -> X87Moves.storeExtended(c, f, m);
          case 0xDD0 -> (c, f) -> X87Moves.loadDouble(f, c.read64(m.forRead(c, 8)));
          case 0xDD1 -> (c, f) -> X87Moves.storeTruncated(c, f, m, 64);
          case 0xDD2 -> (c, f) -> X87Moves.storeDouble(c, f, m, false);
          case 0xDD3 -> (c, f) -> X87Moves.storeDouble(c, f, m, true);
          case 0xDF0 -> (c, f) -> X87Moves.loadInteger(f, (short) c.read16(m.forRead(c, 2)));
          case 0xDF1 -> (c, f) -> X87Moves.storeTruncated(c, f, m, 16);
          case 0xDF2 -> (c, f) -> X87Moves.storeInteger(c, f, m, 16, false);
          case 0xDF3 -> (c, f) -> X87Moves.storeInteger(c, f, m, 16, true);
          case 0xDF4 -> (c, f) -> X87Moves.loadBcd(c, f, m);
          case 0xDF5 -> (c, f) -> X87Moves.loadInteger(f, c.read64(m.forRead(c, 8)));
          case 0xDF6 -> (c, f) -> X87Moves.storeBcd(c, f, m);
          case 0xDF7 -> (c, f) -> X87Moves.storeInteger(c, f, m, 64, true);
          default -> null;
        };
    return action == null ? null : numeric(d, m, action);
  }

  /** D8 m32, DA m32int, DC m64, DE m16int: ST(0) with memory. */
  private static Action arithmetic(int opcode, int operation, MemOperand m) {
    return switch (opcode) {
      case 0xD8 ->
          (c, f) -> {
            f.math.expandSingle(c.read32(m.forRead(c, 4)));
            X87Arithmetic.withMemory(f, operation);
          };
      case 0xDA ->
          (c, f) -> {
            f.math.fromInteger(c.read32(m.forRead(c, 4)));
            X87Arithmetic.withMemory(f, operation);
          };
      case 0xDC ->
          (c, f) -> {
            f.math.expandDouble(c.read64(m.forRead(c, 8)));
            X87Arithmetic.withMemory(f, operation);
          };
      default ->
          (c, f) -> {
            f.math.fromInteger((short) c.read16(m.forRead(c, 2)));
            X87Arithmetic.withMemory(f, operation);
          };
    };
  }

  /** FLDENV, FLDCW, FNSTENV, FNSTCW, FRSTOR, FNSAVE, FNSTSW. */
  private static @Nullable Insn control(DecodeContext d, int opcode, int reg, MemOperand m) {
    boolean wide = d.operandSize() != 2;
    return switch (opcode << 4 | reg) {
      case 0xD94 ->
          new X87Insn(
              d, Kind.CONTROL, null, (c, f) -> X87Environment.loadEnvironment(c, f, m, wide));
      case 0xD95 ->
          new X87Insn(d, Kind.CONTROL, null, (c, f) -> f.setControl(c.read16(m.forRead(c, 2))));
      case 0xD96 ->
          new X87Insn(
              d, Kind.NO_WAIT, null, (c, f) -> X87Environment.storeEnvironment(c, f, m, wide));
      case 0xD97 ->
          new X87Insn(d, Kind.NO_WAIT, null, (c, f) -> c.write16(m.forWrite(c, 2), f.control()));
      case 0xDD4 ->
          new X87Insn(d, Kind.CONTROL, null, (c, f) -> X87Environment.restore(c, f, m, wide));
      case 0xDD6 ->
          new X87Insn(d, Kind.NO_WAIT, null, (c, f) -> X87Environment.save(c, f, m, wide));
      case 0xDD7 ->
          new X87Insn(d, Kind.NO_WAIT, null, (c, f) -> c.write16(m.forWrite(c, 2), f.status()));
      default -> null;
    };
  }

  // --- register forms ---------------------------------------------------------------------------

  private static @Nullable Insn register(DecodeContext d, int opcode) {
    int i = d.rmField();
    int reg = d.regField();
    Action action =
        switch (opcode) {
          case 0xD8 -> (c, f) -> X87Arithmetic.toTop(f, reg, i);
          case 0xD9 -> reg < 4 ? moves(reg, i) : X87Functions.action(reg << 3 | i);
          case 0xDA ->
              reg < 4
                  ? conditionalMove(reg, i)
                  : reg == 5 && i == 1 ? compareUnorderedPopTwo() : null;
          case 0xDB ->
              reg < 4
                  ? conditionalMove(reg | 4, i)
                  : reg > 4 ? compareFlags(reg == 5, i, false) : null;
          case 0xDC -> (c, f) -> X87Arithmetic.toRegister(f, reg, i, false);
          case 0xDD -> freeAndStore(reg, i);
          case 0xDE -> reg == 3 ? (i == 1 ? comparePopTwo() : null) : popArithmetic(reg, i);
          default -> lastGroup(reg, i);
        };
    if (action != null && !(opcode == 0xDB && reg == 4) && !(opcode == 0xDB && reg == 7)) {
      return numeric(d, null, action);
    }
    if (opcode == 0xDB && reg == 4) {
      return controlRegister(d, i);
    }
    if (opcode == 0xDF && reg == 4 && i == 0) {
      return new X87Insn(
          d, Kind.NO_WAIT, null, (c, f) -> c.regs[0] = c.regs[0] & ~0xFFFFL | f.status());
    }
    return null;
  }

  /** D9 C0–DF: FLD ST(i), FXCH, FNOP, and the alias of FSTP. */
  private static @Nullable Action moves(int reg, int i) {
    return switch (reg) {
      case 0 -> (c, f) -> X87Moves.loadRegister(f, i);
      case 1 -> (c, f) -> X87Moves.exchange(f, i);
      case 2 -> i == 0 ? (c, f) -> {} : null;
      default -> (c, f) -> X87Moves.moveAndPop(f, i);
    };
  }

  /** FCMOVcc: B, E, BE, U and their opposites. */
  private static Action conditionalMove(int which, int i) {
    // Condition codes of Jcc for B, E, BE, P; the opposite has bit 0 set.
    int code = ((which & 3) == 3 ? 10 : 2 + 2 * (which & 3)) | which >> 2;
    return (c, f) -> X87Moves.moveIf(f, i, c.condition(code));
  }

  /** FUCOMI and FCOMI, with pop from DF. */
  private static @Nullable Action compareFlags(boolean unordered, int i, boolean pop) {
    return (c, f) -> X87Arithmetic.compareToFlags(c, f, i, !unordered, pop);
  }

  private static Action compareUnorderedPopTwo() {
    return (c, f) -> X87Arithmetic.compare(f, 1, false, 2);
  }

  private static Action comparePopTwo() {
    return (c, f) -> X87Arithmetic.compare(f, 1, true, 2);
  }

  /** DD C0–EF: FFREE, FXCH's alias, FST, FSTP, FUCOM, FUCOMP. */
  private static @Nullable Action freeAndStore(int reg, int i) {
    return switch (reg) {
      case 0 ->
          (c, f) -> {
            f.setC1(false);
            f.free(i);
          };
      case 1 -> (c, f) -> X87Moves.exchange(f, i);
      case 2 -> (c, f) -> X87Moves.storeRegister(f, i, false);
      case 3 -> (c, f) -> X87Moves.storeRegister(f, i, true);
      case 4 -> (c, f) -> X87Arithmetic.compare(f, i, false, 0);
      case 5 -> (c, f) -> X87Arithmetic.compare(f, i, false, 1);
      default -> null;
    };
  }

  private static Action popArithmetic(int reg, int i) {
    return reg == 2
        ? (c, f) -> X87Arithmetic.compare(f, i, true, 1)
        : (c, f) -> X87Arithmetic.toRegister(f, reg, i, true);
  }

  /** DF C0–F7: FFREEP and aliases that processors have always had, FUCOMIP, FCOMIP. */
  private static @Nullable Action lastGroup(int reg, int i) {
    return switch (reg) {
      case 0 ->
          (c, f) -> {
            f.setC1(false);
            f.free(i);
            f.pop();
          };
      case 1 -> (c, f) -> X87Moves.exchange(f, i);
      case 2, 3 -> (c, f) -> X87Moves.storeRegister(f, i, true);
      case 5 -> compareFlags(true, i, true);
      case 6 -> compareFlags(false, i, true);
      default -> null;
    };
  }

  /** DB E0–E4: FNCLEX, FNINIT, and the 8087's and 80287's that do nothing. */
  private static @Nullable Insn controlRegister(DecodeContext d, int i) {
    return switch (i) {
      case 0, 1, 4 -> new X87Insn(d, Kind.NO_WAIT, null, (c, f) -> {});
      case 2 -> new X87Insn(d, Kind.NO_WAIT, null, (c, f) -> f.clearExceptions());
      case 3 -> new X87Insn(d, Kind.NO_WAIT, null, (c, f) -> f.init());
      default -> null;
    };
  }

  private static Insn numeric(DecodeContext d, @Nullable MemOperand m, Action action) {
    return new X87Insn(d, Kind.NUMERIC, m, action);
  }
}
