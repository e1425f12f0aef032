package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.PackedInteger;
import dev.godwit.cpu.soft.fpu.SseConvert;
import dev.godwit.cpu.soft.fpu.SseDouble;
import dev.godwit.cpu.soft.fpu.SseSingle;
import org.jspecify.annotations.Nullable;

/** SSE and SSE2 arithmetic, comparisons and logic: the rows, and a node for each shape. */
final class SimdFloat {
  private static final int P66 = SimdOpcodes.P66;
  private static final int PF3 = SimdOpcodes.PF3;
  private static final int PF2 = SimdOpcodes.PF2;

  /** Operation on the bits of one double lane. */
  @FunctionalInterface
  interface DoubleOp {
    long apply(SseDouble unit, long a, long b);
  }

  /** Operation on the bits of one single lane. */
  @FunctionalInterface
  interface SingleOp {
    int apply(SseSingle unit, int a, int b);
  }

  private SimdFloat() {}

  private static @Nullable DoubleOp doubleOp(int opcode) {
    return switch (opcode) {
      case 0x51 -> (unit, a, b) -> unit.sqrt(b);
      case 0x58 -> SseDouble::add;
      case 0x59 -> SseDouble::multiply;
      case 0x5C -> SseDouble::subtract;
      case 0x5D -> SseDouble::min;
      case 0x5E -> SseDouble::divide;
      case 0x5F -> SseDouble::max;
      default -> null;
    };
  }

  private static @Nullable SingleOp singleOp(int opcode) {
    return switch (opcode) {
      case 0x51 -> (unit, a, b) -> unit.sqrt(b);
      case 0x52 -> (unit, a, b) -> SseConvert.reciprocalSqrt(b);
      case 0x53 -> (unit, a, b) -> SseConvert.reciprocal(b);
      case 0x58 -> SseSingle::add;
      case 0x59 -> SseSingle::multiply;
      case 0x5C -> SseSingle::subtract;
      case 0x5D -> SseSingle::min;
      case 0x5E -> SseSingle::divide;
      case 0x5F -> SseSingle::max;
      default -> null;
    };
  }

  /** Decodes an instruction of this kind; null if there is none with that opcode and prefix. */
  static @Nullable Insn decode(DecodeContext d, int prefix) {
    int opcode = d.opcode();
    return switch (opcode) {
      case 0x14, 0x15 -> prefix <= P66 ? unpack(d, prefix == P66, opcode & 1) : null;
      case 0x2E, 0x2F -> prefix <= P66 ? compareFlags(d, prefix == P66, opcode == 0x2F) : null;
      case 0x54 -> logic(d, prefix, 0xDB);
      case 0x55 -> logic(d, prefix, 0xDF);
      case 0x56 -> logic(d, prefix, 0xEB);
      case 0x57 -> logic(d, prefix, 0xEF);
      case 0xC2 -> compare(d, prefix);
      default -> arithmetic(d, prefix, SimdSource.xmm(d), doubleOp(opcode), singleOp(opcode));
    };
  }

  private static @Nullable Insn arithmetic(
      DecodeContext d,
      int prefix,
      SimdSource src,
      @Nullable DoubleOp doubleOp,
      @Nullable SingleOp singleOp) {
    int dst = 2 * d.reg();
    boolean wide = (prefix & 1) != 0;
    if (wide) {
      return doubleOp == null
          ? null
          : prefix == PF2
              ? new ScalarDouble(d, dst, src, doubleOp)
              : new PackedDouble(d, dst, src, doubleOp);
    }
    return singleOp == null
        ? null
        : prefix == PF3
            ? new ScalarSingle(d, dst, src, singleOp)
            : new PackedSingle(d, dst, src, singleOp);
  }

  private static @Nullable Insn compare(DecodeContext d, int prefix) {
    SimdSource src = SimdSource.xmm(d);
    int predicate = d.imm8() & 7;
    return arithmetic(
        d,
        prefix,
        src,
        (unit, a, b) -> unit.compare(a, b, predicate),
        (unit, a, b) -> unit.compare(a, b, predicate));
  }

  /** UCOMISx and COMISx. */
  private static Insn compareFlags(DecodeContext d, boolean wide, boolean signalQuiet) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return new SseInsn(
        d,
        c -> {
          int flags =
              wide
                  ? c.sse.doubles.order(c.xmm[dst], src.low64(c), signalQuiet)
                  : c.sse.singles.order((int) c.xmm[dst], src.low32(c), signalQuiet);
          c.sse.commit(c);
          c.setArithmeticFlags(flags);
        });
  }

  /** ANDPx and relatives: the integer instruction with the same effect. */
  private static @Nullable Insn logic(DecodeContext d, int prefix, int integerOpcode) {
    return prefix <= P66 ? SimdInteger.logic(d, integerOpcode) : null;
  }

  /** UNPCKLPx and UNPCKHPx. */
  private static Insn unpack(DecodeContext d, boolean wide, int half) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return wide
        ? new SimdInteger.Unpack(d, dst, src, half, (a, b) -> a, (a, b) -> b)
        : new SimdInteger.Unpack(
            d,
            dst,
            src,
            half,
            PackedInteger::interleaveLowDwords,
            PackedInteger::interleaveHighDwords);
  }

  private static long both(SseSingle unit, SingleOp op, long a, long b) {
    long low = op.apply(unit, (int) a, (int) b) & 0xFFFF_FFFFL;
    return low | (long) op.apply(unit, (int) (a >>> 32), (int) (b >>> 32)) << 32;
  }

  private abstract static class Arithmetic<T> extends Insn {
    final int dst;
    final SimdSource src;
    final T op;

    Arithmetic(DecodeContext d, int dst, SimdSource src, T op) {
      super(d);
      this.dst = dst;
      this.src = src;
      this.op = op;
    }
  }

  private static final class ScalarDouble extends Arithmetic<DoubleOp> {
    ScalarDouble(DecodeContext d, int dst, SimdSource src, DoubleOp op) {
      super(d, dst, src, op);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long result = op.apply(c.sse.doubles, c.xmm[dst], src.low64(c));
      c.sse.commit(c);
      c.xmm[dst] = result;
    }
  }

  private static final class PackedDouble extends Arithmetic<DoubleOp> {
    PackedDouble(DecodeContext d, int dst, SimdSource src, DoubleOp op) {
      super(d, dst, src, op);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long lin = src.locate(c);
      long low = src.half(c, lin, 0);
      long high = src.half(c, lin, 1);
      low = op.apply(c.sse.doubles, c.xmm[dst], low);
      high = op.apply(c.sse.doubles, c.xmm[dst + 1], high);
      c.sse.commit(c);
      c.xmm[dst] = low;
      c.xmm[dst + 1] = high;
    }
  }

  private static final class ScalarSingle extends Arithmetic<SingleOp> {
    ScalarSingle(DecodeContext d, int dst, SimdSource src, SingleOp op) {
      super(d, dst, src, op);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      int result = op.apply(c.sse.singles, (int) c.xmm[dst], src.low32(c));
      c.sse.commit(c);
      c.xmm[dst] = SimdMoves.withLow32(c.xmm[dst], result);
    }
  }

  private static final class PackedSingle extends Arithmetic<SingleOp> {
    PackedSingle(DecodeContext d, int dst, SimdSource src, SingleOp op) {
      super(d, dst, src, op);
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long lin = src.locate(c);
      long low = src.half(c, lin, 0);
      long high = src.half(c, lin, 1);
      low = both(c.sse.singles, op, c.xmm[dst], low);
      high = both(c.sse.singles, op, c.xmm[dst + 1], high);
      c.sse.commit(c);
      c.xmm[dst] = low;
      c.xmm[dst + 1] = high;
    }
  }
}
