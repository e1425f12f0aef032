package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.SseConvert;
import org.jspecify.annotations.Nullable;

/** Conversions between integers, singles and doubles: CVT*. */
final class SimdConvert {
  private static final int NONE = SimdOpcodes.NONE;
  private static final int P66 = SimdOpcodes.P66;
  private static final int PF3 = SimdOpcodes.PF3;
  private static final int PF2 = SimdOpcodes.PF2;

  private SimdConvert() {}

  /** Decodes a conversion; null if there is none with that opcode and prefix. */
  static @Nullable Insn decode(DecodeContext d, int prefix) {
    return switch (d.opcode()) {
      case 0x2A -> prefix <= P66 ? fromMmx(d, prefix == P66) : fromGeneral(d, prefix == PF2);
      case 0x2C ->
          prefix <= P66 ? toMmx(d, prefix == P66, true) : toGeneral(d, prefix == PF2, true);
      case 0x2D ->
          prefix <= P66 ? toMmx(d, prefix == P66, false) : toGeneral(d, prefix == PF2, false);
      case 0x5A -> betweenFloats(d, prefix);
      case 0x5B ->
          switch (prefix) {
            case NONE -> fourDwordsToSingles(d);
            case P66 -> fourSinglesToDwords(d, false);
            case PF3 -> fourSinglesToDwords(d, true);
            default -> null;
          };
      case 0xE6 ->
          switch (prefix) {
            case P66 -> twoDoublesToDwords(d, true);
            case PF2 -> twoDoublesToDwords(d, false);
            case PF3 -> twoDwordsToDoubles(d);
            default -> null;
          };
      default -> null;
    };
  }

  private static long pair(int low, int high) {
    return low & 0xFFFF_FFFFL | (long) high << 32;
  }

  private static int low(long dwords) {
    return (int) dwords;
  }

  private static int high(long dwords) {
    return (int) (dwords >>> 32);
  }

  private static long singlesOf(SseConvert convert, long dwords) {
    return pair(convert.integerToSingle(low(dwords)), convert.integerToSingle(high(dwords)));
  }

  private static long dwordsOf(SseConvert convert, long singles, boolean truncate) {
    return pair(
        (int) convert.singleToInteger((int) singles, 32, truncate),
        (int) convert.singleToInteger((int) (singles >>> 32), 32, truncate));
  }

  private static long dwordsOf(SseConvert convert, long low, long high, boolean truncate) {
    return pair(
        (int) convert.doubleToInteger(low, 32, truncate),
        (int) convert.doubleToInteger(high, 32, truncate));
  }

  /**
   * CVTPI2PS and CVTPI2PD: two dwords of an MMX register, which makes the x87 an MMX unit, or of
   * memory.
   */
  private static Insn fromMmx(DecodeContext d, boolean wide) {
    SimdSource src = SimdSource.mmx(d);
    int dst = 2 * d.reg();
    SseInsn.Action action =
        c -> {
          Sse.check(c);
          long dwords = src.mmx(c);
          if (wide) {
            c.xmm[dst] = c.sse.convert.integerToDouble(low(dwords));
            c.xmm[dst + 1] = c.sse.convert.integerToDouble(high(dwords));
          } else {
            long singles = singlesOf(c.sse.convert, dwords);
            if (src.memory == null) {
              c.x87.enterMmx();
            }
            c.sse.commit(c);
            c.xmm[dst] = singles;
          }
        };
    return src.memory == null ? new MmxInsn(d, action) : new SseInsn(d, action);
  }

  /** CVTPS2PI, CVTPD2PI and their truncating forms. */
  private static Insn toMmx(DecodeContext d, boolean wide, boolean truncate) {
    SimdSource src = SimdSource.xmm(d);
    int dst = d.regField();
    return new MmxInsn(
        d,
        c -> {
          Sse.check(c);
          long result;
          if (wide) {
            long lin = src.locate(c);
            result = dwordsOf(c.sse.convert, src.half(c, lin, 0), src.half(c, lin, 1), truncate);
          } else {
            result = dwordsOf(c.sse.convert, src.low64(c), truncate);
          }
          // The x87 has become an MMX unit even if #XM follows.
          c.x87.enterMmx();
          c.sse.commit(c);
          c.x87.setMmx(dst, result);
        });
  }

  /** CVTSI2SS and CVTSI2SD. */
  private static Insn fromGeneral(DecodeContext d, boolean wide) {
    boolean qword = d.rexW();
    int src = d.isRegister() ? d.rm() : -1;
    @Nullable MemOperand m = d.isRegister() ? null : d.mem();
    int dst = 2 * d.reg();
    return new SseInsn(
        d,
        c -> {
          long value =
              m == null
                  ? c.regs[src]
                  : qword ? c.read64(m.forRead(c, 8)) : c.read32(m.forRead(c, 4));
          value = qword ? value : value << 32 >> 32;
          long result =
              wide
                  ? c.sse.convert.integerToDouble(value)
                  : SimdMoves.withLow32(c.xmm[dst], c.sse.convert.integerToSingle(value));
          c.sse.commit(c);
          c.xmm[dst] = result;
        });
  }

  /** CVTSS2SI, CVTSD2SI and their truncating forms. */
  private static Insn toGeneral(DecodeContext d, boolean wide, boolean truncate) {
    SimdSource src = SimdSource.xmm(d);
    int dst = d.reg();
    int bits = d.rexW() ? 64 : 32;
    long mask = d.rexW() ? -1 : 0xFFFF_FFFFL;
    return new SseInsn(
        d,
        c -> {
          long result =
              wide
                  ? c.sse.convert.doubleToInteger(src.low64(c), bits, truncate)
                  : c.sse.convert.singleToInteger(src.low32(c), bits, truncate);
          c.sse.commit(c);
          c.regs[dst] = result & mask;
        });
  }

  private static Insn betweenFloats(DecodeContext d, int prefix) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return switch (prefix) {
      case NONE ->
          new SseInsn(
              d,
              c -> {
                long singles = src.low64(c);
                long low = c.sse.convert.singleToDouble((int) singles);
                long high = c.sse.convert.singleToDouble((int) (singles >>> 32));
                c.sse.commit(c);
                c.xmm[dst] = low;
                c.xmm[dst + 1] = high;
              });
      case P66 ->
          new SseInsn(
              d,
              c -> {
                long lin = src.locate(c);
                long low = src.half(c, lin, 0);
                long high = src.half(c, lin, 1);
                long singles =
                    pair(c.sse.convert.doubleToSingle(low), c.sse.convert.doubleToSingle(high));
                c.sse.commit(c);
                setLow(c, dst, singles);
              });
      case PF3 ->
          new SseInsn(
              d,
              c -> {
                long result = c.sse.convert.singleToDouble(src.low32(c));
                c.sse.commit(c);
                c.xmm[dst] = result;
              });
      default ->
          new SseInsn(
              d,
              c -> {
                int result = c.sse.convert.doubleToSingle(src.low64(c));
                c.sse.commit(c);
                c.xmm[dst] = SimdMoves.withLow32(c.xmm[dst], result);
              });
    };
  }

  /** CVTDQ2PS. */
  private static Insn fourDwordsToSingles(DecodeContext d) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long low = singlesOf(c.sse.convert, src.half(c, lin, 0));
          long high = singlesOf(c.sse.convert, src.half(c, lin, 1));
          c.sse.commit(c);
          c.xmm[dst] = low;
          c.xmm[dst + 1] = high;
        });
  }

  /** CVTPS2DQ and CVTTPS2DQ. */
  private static Insn fourSinglesToDwords(DecodeContext d, boolean truncate) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long low = dwordsOf(c.sse.convert, src.half(c, lin, 0), truncate);
          long high = dwordsOf(c.sse.convert, src.half(c, lin, 1), truncate);
          c.sse.commit(c);
          c.xmm[dst] = low;
          c.xmm[dst + 1] = high;
        });
  }

  /** CVTPD2DQ and CVTTPD2DQ. */
  private static Insn twoDoublesToDwords(DecodeContext d, boolean truncate) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long result = dwordsOf(c.sse.convert, src.half(c, lin, 0), src.half(c, lin, 1), truncate);
          c.sse.commit(c);
          setLow(c, dst, result);
        });
  }

  /** CVTDQ2PD; exact. */
  private static Insn twoDwordsToDoubles(DecodeContext d) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return new SseInsn(
        d,
        c -> {
          long dwords = src.low64(c);
          c.xmm[dst] = c.sse.convert.integerToDouble(low(dwords));
          c.xmm[dst + 1] = c.sse.convert.integerToDouble(high(dwords));
        });
  }

  private static void setLow(SoftCpu c, int dst, long low) {
    c.xmm[dst] = low;
    c.xmm[dst + 1] = 0;
  }
}
