package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.SseSingle;
import org.jspecify.annotations.Nullable;

/** SSE3: horizontal and alternating sums, duplicating moves, LDDQU. (FISTTP is with the x87.) */
final class SimdSse3 {
  private static final int P66 = SimdOpcodes.P66;
  private static final int PF3 = SimdOpcodes.PF3;
  private static final int PF2 = SimdOpcodes.PF2;

  private SimdSse3() {}

  /**
   * Decodes an SSE3 instruction of the map 0F; null if there is none with that opcode and prefix.
   */
  static @Nullable Insn decode(DecodeContext d, int prefix) {
    return switch (d.opcode()) {
      case 0x12 ->
          prefix == PF3 ? duplicateSingles(d, 0) : prefix == PF2 ? duplicateDouble(d) : null;
      case 0x16 -> prefix == PF3 ? duplicateSingles(d, 32) : null;
      case 0x7C -> prefix == P66 || prefix == PF2 ? horizontal(d, prefix == P66, false) : null;
      case 0x7D -> prefix == P66 || prefix == PF2 ? horizontal(d, prefix == P66, true) : null;
      case 0xD0 -> prefix == P66 || prefix == PF2 ? alternate(d, prefix == P66) : null;
      case 0xF0 -> prefix == PF2 && !d.isRegister() ? loadUnaligned(d) : null;
      default -> null;
    };
  }

  /** MOVSLDUP (shift 0) and MOVSHDUP (32). */
  private static Insn duplicateSingles(DecodeContext d, int shift) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long low = src.half(c, lin, 0) >>> shift & 0xFFFF_FFFFL;
          long high = src.half(c, lin, 1) >>> shift & 0xFFFF_FFFFL;
          c.xmm[dst] = low | low << 32;
          c.xmm[dst + 1] = high | high << 32;
        });
  }

  /** MOVDDUP. */
  private static Insn duplicateDouble(DecodeContext d) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return new SseInsn(
        d,
        c -> {
          long value = src.low64(c);
          c.xmm[dst] = value;
          c.xmm[dst + 1] = value;
        });
  }

  private static Insn loadUnaligned(DecodeContext d) {
    MemOperand m = d.mem();
    int dst = 2 * d.reg();
    return new SseInsn(d, c -> c.read128(m.forRead(c, 16), c.xmm, dst));
  }

  private static long horizontal(SseSingle unit, long low, long high, boolean subtract) {
    return pair(unit, (int) low, (int) (low >>> 32), subtract) & 0xFFFF_FFFFL
        | (long) pair(unit, (int) high, (int) (high >>> 32), subtract) << 32;
  }

  private static int pair(SseSingle unit, int a, int b, boolean subtract) {
    return subtract ? unit.subtract(a, b) : unit.add(a, b);
  }

  /** HADDPx and HSUBPx: neighbours of the destination, then of the source. */
  private static Insn horizontal(DecodeContext d, boolean wide, boolean subtract) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long srcLow = src.half(c, lin, 0);
          long srcHigh = src.half(c, lin, 1);
          long low;
          long high;
          if (!wide) {
            low = horizontal(c.sse.singles, c.xmm[dst], c.xmm[dst + 1], subtract);
            high = horizontal(c.sse.singles, srcLow, srcHigh, subtract);
          } else if (subtract) {
            low = c.sse.doubles.subtract(c.xmm[dst], c.xmm[dst + 1]);
            high = c.sse.doubles.subtract(srcLow, srcHigh);
          } else {
            low = c.sse.doubles.add(c.xmm[dst], c.xmm[dst + 1]);
            high = c.sse.doubles.add(srcLow, srcHigh);
          }
          c.sse.commit(c);
          c.xmm[dst] = low;
          c.xmm[dst + 1] = high;
        });
  }

  /** ADDSUBPx: even lanes are subtracted, odd ones added. */
  private static Insn alternate(DecodeContext d, boolean wide) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long low = src.half(c, lin, 0);
          long high = src.half(c, lin, 1);
          if (wide) {
            low = c.sse.doubles.subtract(c.xmm[dst], low);
            high = c.sse.doubles.add(c.xmm[dst + 1], high);
          } else {
            low = alternate(c.sse.singles, c.xmm[dst], low);
            high = alternate(c.sse.singles, c.xmm[dst + 1], high);
          }
          c.sse.commit(c);
          c.xmm[dst] = low;
          c.xmm[dst + 1] = high;
        });
  }

  private static long alternate(SseSingle unit, long a, long b) {
    return unit.subtract((int) a, (int) b) & 0xFFFF_FFFFL
        | (long) unit.add((int) (a >>> 32), (int) (b >>> 32)) << 32;
  }
}
