package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.PackedLater;
import dev.godwit.cpu.soft.fpu.SseDouble;
import dev.godwit.cpu.soft.fpu.SseSingle;
import dev.godwit.cpu.soft.fpu.StringCompare;
import org.jspecify.annotations.Nullable;

/**
 * The opcode map 0F 3A: PALIGNR, SSE4.1's instructions with an immediate, SSE4.2's string
 * comparisons.
 */
final class Simd0F3A {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;

  private Simd0F3A() {}

  /** Decodes an instruction of the map; null if there is none with that opcode and prefix. */
  static @Nullable Insn decode(DecodeContext d, int prefix) {
    int opcode = d.opcode();
    if (prefix == SimdOpcodes.NONE && opcode == 0x0F) {
      return alignMmx(d);
    }
    if (prefix != SimdOpcodes.P66) {
      return null;
    }
    if (opcode >= 0x14 && opcode <= 0x17) {
      return extract(d, opcode);
    }
    if (opcode == 0x20 || opcode == 0x22) {
      return insert(d, opcode == 0x20 ? 1 : d.rexW() ? 8 : 4);
    }
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    int control = d.imm8() & 0xFF;
    return switch (opcode) {
      case 0x08, 0x09, 0x0A, 0x0B -> round(d, dst, src, opcode, control);
      case 0x0C -> blend(d, dst, src, laneMask(control, 32), laneMask(control >> 2, 32));
      case 0x0D -> blend(d, dst, src, laneMask(control, 64), laneMask(control >> 1, 64));
      case 0x0E -> blend(d, dst, src, laneMask(control, 16), laneMask(control >> 4, 16));
      case 0x0F -> align(d, dst, src, control);
      case 0x21 -> insertSingle(d, dst, src, control);
      case 0x40 -> dotSingles(d, dst, src, control);
      case 0x41 -> dotDoubles(d, dst, src, control);
      case 0x42 -> slidingDifferences(d, dst, src, control);
      case 0x60, 0x61, 0x62, 0x63 -> compareStrings(d, dst, src, opcode, control);
      default -> null;
    };
  }

  /** Mask of the lanes of 64 bits whose bit is set. */
  private static long laneMask(int bits, int width) {
    long mask = 0;
    long ones = width == 64 ? -1 : (1L << width) - 1;
    for (int i = 0; i * width < 64; i++) {
      mask |= (bits >> i & 1) != 0 ? ones << i * width : 0;
    }
    return mask;
  }

  private static Insn blend(DecodeContext d, int dst, SimdSource src, long maskLow, long maskHigh) {
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long low = src.half(c, lin, 0);
          long high = src.half(c, lin, 1);
          c.xmm[dst] = low & maskLow | c.xmm[dst] & ~maskLow;
          c.xmm[dst + 1] = high & maskHigh | c.xmm[dst + 1] & ~maskHigh;
        });
  }

  // --- PALIGNR
  // ------------------------------------------------------------------------------------

  private static Insn alignMmx(DecodeContext d) {
    SimdSource src = SimdSource.mmx(d);
    int dst = d.regField();
    int by = d.imm8() & 0xFF;
    return new MmxInsn(d, c -> c.x87.setMmx(dst, window(src.mmx(c), c.x87.mmx(dst), 0, 0, by)));
  }

  private static Insn align(DecodeContext d, int dst, SimdSource src, int by) {
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long low = src.half(c, lin, 0);
          long high = src.half(c, lin, 1);
          long result = window(low, high, c.xmm[dst], c.xmm[dst + 1], by);
          c.xmm[dst + 1] = window(low, high, c.xmm[dst], c.xmm[dst + 1], by + 8);
          c.xmm[dst] = result;
        });
  }

  /** Eight of 32 bytes from a byte offset; zeros lie behind them. */
  private static long window(long q0, long q1, long q2, long q3, int offset) {
    int shift = 8 * (offset & 7);
    long low = quadword(q0, q1, q2, q3, offset >> 3);
    long high = quadword(q0, q1, q2, q3, (offset >> 3) + 1);
    return shift == 0 ? low : low >>> shift | high << -shift;
  }

  private static long quadword(long q0, long q1, long q2, long q3, int which) {
    return switch (which) {
      case 0 -> q0;
      case 1 -> q1;
      case 2 -> q2;
      case 3 -> q3;
      default -> 0;
    };
  }

  // --- ROUND*, DPP*
  // -------------------------------------------------------------------------------

  private static Insn round(DecodeContext d, int dst, SimdSource src, int opcode, int control) {
    return switch (opcode) {
      case 0x08 ->
          new SseInsn(
              d,
              c -> {
                long lin = src.locate(c);
                long low = round(c.sse.singles, src.half(c, lin, 0), control);
                long high = round(c.sse.singles, src.half(c, lin, 1), control);
                c.sse.commit(c);
                c.xmm[dst] = low;
                c.xmm[dst + 1] = high;
              });
      case 0x09 ->
          new SseInsn(
              d,
              c -> {
                long lin = src.locate(c);
                long low = c.sse.doubles.round(src.half(c, lin, 0), control);
                long high = c.sse.doubles.round(src.half(c, lin, 1), control);
                c.sse.commit(c);
                c.xmm[dst] = low;
                c.xmm[dst + 1] = high;
              });
      case 0x0A ->
          new SseInsn(
              d,
              c -> {
                int result = c.sse.singles.round(src.low32(c), control);
                c.sse.commit(c);
                c.xmm[dst] = SimdMoves.withLow32(c.xmm[dst], result);
              });
      default ->
          new SseInsn(
              d,
              c -> {
                long result = c.sse.doubles.round(src.low64(c), control);
                c.sse.commit(c);
                c.xmm[dst] = result;
              });
    };
  }

  private static long round(SseSingle unit, long singles, int control) {
    return pair(unit.round((int) singles, control), unit.round((int) (singles >>> 32), control));
  }

  private static long pair(int low, int high) {
    return low & 0xFFFF_FFFFL | (long) high << 32;
  }

  /**
   * DPPS: products where the control's high bits say, summed in pairs, to where its low bits say.
   */
  private static Insn dotSingles(DecodeContext d, int dst, SimdSource src, int control) {
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long low = src.half(c, lin, 0);
          long high = src.half(c, lin, 1);
          SseSingle unit = c.sse.singles;
          int p0 = product(unit, c.xmm[dst], low, 0, control >> 4);
          int p1 = product(unit, c.xmm[dst], low, 32, control >> 5);
          int p2 = product(unit, c.xmm[dst + 1], high, 0, control >> 6);
          int p3 = product(unit, c.xmm[dst + 1], high, 32, control >> 7);
          // Each step faults by itself.
          c.sse.commit(c);
          int lowSum = unit.add(p0, p1);
          int highSum = unit.add(p2, p3);
          c.sse.commit(c);
          int sum = unit.add(lowSum, highSum);
          c.sse.commit(c);
          c.xmm[dst] = pair(sum, sum) & laneMask(control, 32);
          c.xmm[dst + 1] = pair(sum, sum) & laneMask(control >> 2, 32);
        });
  }

  private static int product(SseSingle unit, long a, long b, int shift, int selected) {
    return (selected & 1) == 0 ? 0 : unit.multiply((int) (a >>> shift), (int) (b >>> shift));
  }

  /** DPPD. */
  private static Insn dotDoubles(DecodeContext d, int dst, SimdSource src, int control) {
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long low = src.half(c, lin, 0);
          long high = src.half(c, lin, 1);
          SseDouble unit = c.sse.doubles;
          long p0 = (control & 0x10) == 0 ? 0 : unit.multiply(c.xmm[dst], low);
          long p1 = (control & 0x20) == 0 ? 0 : unit.multiply(c.xmm[dst + 1], high);
          c.sse.commit(c);
          long sum = unit.add(p0, p1);
          c.sse.commit(c);
          c.xmm[dst] = (control & 1) == 0 ? 0 : sum;
          c.xmm[dst + 1] = (control & 2) == 0 ? 0 : sum;
        });
  }

  // --- extracting, inserting
  // ----------------------------------------------------------------------

  /** PEXTRB, PEXTRW, PEXTRD and PEXTRQ, EXTRACTPS. */
  private static Insn extract(DecodeContext d, int opcode) {
    int bytes = opcode == 0x14 ? 1 : opcode == 0x15 ? 2 : d.rexW() && opcode == 0x16 ? 8 : 4;
    boolean register = d.isRegister();
    int dst = d.rm();
    MemOperand m = register ? null : d.mem();
    int src = 2 * d.reg();
    int at = (d.imm8() & 0xFF) % (16 / bytes) * bytes;
    long mask = bytes == 8 ? -1 : (1L << 8 * bytes) - 1;
    return new SseInsn(
        d,
        c -> {
          long value = c.xmm[src + (at >> 3)] >>> 8 * (at & 7) & mask;
          if (m == null) {
            c.regs[dst] = value;
          } else {
            store(c, m, bytes, value);
          }
        });
  }

  private static void store(SoftCpu c, MemOperand m, int bytes, long value) {
    long lin = m.forWrite(c, bytes);
    switch (bytes) {
      case 1 -> c.write8(lin, (int) value);
      case 2 -> c.write16(lin, (int) value);
      case 4 -> c.write32(lin, (int) value);
      default -> c.write64(lin, value);
    }
  }

  /** PINSRB, PINSRD, PINSRQ. */
  private static Insn insert(DecodeContext d, int bytes) {
    boolean register = d.isRegister();
    int src = d.rm();
    MemOperand m = register ? null : d.mem();
    int which = 2 * d.reg();
    int at = (d.imm8() & 0xFF) % (16 / bytes) * bytes;
    int dst = which + (at >> 3);
    int shift = 8 * (at & 7);
    long mask = bytes == 8 ? -1 : (1L << 8 * bytes) - 1;
    return new SseInsn(
        d,
        c -> {
          long value = m == null ? c.regs[src] : load(c, m, bytes);
          c.xmm[dst] = c.xmm[dst] & ~(mask << shift) | (value & mask) << shift;
        });
  }

  private static long load(SoftCpu c, MemOperand m, int bytes) {
    long lin = m.forRead(c, bytes);
    return switch (bytes) {
      case 1 -> c.read8(lin);
      case 4 -> c.read32(lin);
      default -> c.read64(lin);
    };
  }

  /** INSERTPS: one single of the source to one place, and zeros where the low bits say. */
  private static Insn insertSingle(DecodeContext d, int dst, SimdSource src, int control) {
    int from = src.memory == null ? control >> 6 : 0;
    int to = control >> 4 & 3;
    long keepLow = ~(laneMask(1 << to, 32) | laneMask(control, 32));
    long keepHigh = ~(laneMask(1 << to >> 2, 32) | laneMask(control >> 2, 32));
    boolean zeroed = (control >> to & 1) != 0;
    return new SseInsn(
        d,
        c -> {
          long value =
              src.memory != null
                  ? src.low32(c) & 0xFFFF_FFFFL
                  : c.xmm[src.register + (from >> 1)] >>> 32 * (from & 1) & 0xFFFF_FFFFL;
          c.xmm[dst] &= keepLow;
          c.xmm[dst + 1] &= keepHigh;
          if (!zeroed) {
            c.xmm[dst + (to >> 1)] |= value << 32 * (to & 1);
          }
        });
  }

  /** MPSADBW. */
  private static Insn slidingDifferences(DecodeContext d, int dst, SimdSource src, int control) {
    int offset = control & 4;
    int block = control & 3;
    return new SseInsn(
        d,
        c -> {
          int four = (int) (src.onlyHalf(c, block >> 1) >>> 32 * (block & 1));
          long low = c.xmm[dst];
          long high = c.xmm[dst + 1];
          c.xmm[dst] = PackedLater.slidingDifferences(low, high, offset, four);
          c.xmm[dst + 1] = PackedLater.slidingDifferences(low, high, offset + 4, four);
        });
  }

  // --- strings
  // --------------------------------------------------------------------------------------

  /** PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI; their memory operand need not be aligned. */
  private static Insn compareStrings(
      DecodeContext d, int dst, SimdSource src, int opcode, int control) {
    boolean explicit = opcode < 0x62;
    boolean toIndex = (opcode & 1) != 0;
    boolean wide = d.rexW();
    return new SseInsn(
        d,
        c -> {
          long low = src.low64(c);
          long high =
              src.memory == null ? c.xmm[src.register + 1] : c.read64(src.memory.forRead(c, 8, 8));
          int length1;
          int length2;
          if (explicit) {
            length1 = StringCompare.explicitLength(length(c, RAX, wide), control);
            length2 = StringCompare.explicitLength(length(c, RDX, wide), control);
          } else {
            length1 = StringCompare.implicitLength(c.xmm[dst], c.xmm[dst + 1], control);
            length2 = StringCompare.implicitLength(low, high, control);
          }
          int bits =
              StringCompare.compare(
                  c.xmm[dst], c.xmm[dst + 1], length1, low, high, length2, control);
          if (toIndex) {
            c.regs[RCX] = StringCompare.index(bits, control);
          } else {
            c.xmm[0] = StringCompare.mask(bits, control, 0);
            c.xmm[1] = StringCompare.mask(bits, control, 1);
          }
          int count = StringCompare.elements(control);
          c.setArithmeticFlags(
              (bits != 0 ? Flags.CF : 0)
                  | (length2 < count ? Flags.ZF : 0)
                  | (length1 < count ? Flags.SF : 0)
                  | ((bits & 1) != 0 ? Flags.OF : 0));
        });
  }

  private static long length(SoftCpu c, int register, boolean wide) {
    return wide ? c.regs[register] : c.regs[register] << 32 >> 32;
  }
}
