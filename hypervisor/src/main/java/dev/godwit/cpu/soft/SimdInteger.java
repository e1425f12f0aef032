package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.PackedInteger;
import java.util.function.LongBinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Packed integer instructions: which opcode is which operation, and the nodes that apply it.
 *
 * <p>An operation is a function of 64 bits, applied to the halves of XMM registers and to MMX
 * registers alike. The forms that string functions are made of have nodes of their own in {@link
 * SimdHot}.
 */
final class SimdInteger {
  private SimdInteger() {}

  /** Returns the operation of an opcode 0F xx that works on each half by itself, or null. */
  static @Nullable LongBinaryOperator lanes(int opcode) {
    return switch (opcode) {
      case 0x64 -> PackedInteger::greaterBytes;
      case 0x65 -> PackedInteger::greaterWords;
      case 0x66 -> PackedInteger::greaterDwords;
      case 0x74 -> PackedInteger::equalBytes;
      case 0x75 -> PackedInteger::equalWords;
      case 0x76 -> PackedInteger::equalDwords;
      case 0xD4 -> Long::sum;
      case 0xD5 -> PackedInteger::multiplyLowWords;
      case 0xD8 -> PackedInteger::subtractUnsignedBytes;
      case 0xD9 -> PackedInteger::subtractUnsignedWords;
      case 0xDA -> PackedInteger::minUnsignedBytes;
      case 0xDB -> (a, b) -> a & b;
      case 0xDC -> PackedInteger::addUnsignedBytes;
      case 0xDD -> PackedInteger::addUnsignedWords;
      case 0xDE -> PackedInteger::maxUnsignedBytes;
      case 0xDF -> (a, b) -> ~a & b;
      case 0xE0 -> PackedInteger::averageBytes;
      case 0xE3 -> PackedInteger::averageWords;
      case 0xE4 -> PackedInteger::multiplyHighUnsignedWords;
      case 0xE5 -> PackedInteger::multiplyHighWords;
      case 0xE8 -> PackedInteger::subtractSignedBytes;
      case 0xE9 -> PackedInteger::subtractSignedWords;
      case 0xEA -> PackedInteger::minSignedWords;
      case 0xEB -> (a, b) -> a | b;
      case 0xEC -> PackedInteger::addSignedBytes;
      case 0xED -> PackedInteger::addSignedWords;
      case 0xEE -> PackedInteger::maxSignedWords;
      case 0xEF -> (a, b) -> a ^ b;
      case 0xF4 -> PackedInteger::multiplyUnsignedDwords;
      case 0xF5 -> PackedInteger::multiplyAddWords;
      case 0xF6 -> PackedInteger::sumAbsoluteDifferences;
      case 0xF8 -> PackedInteger::subtractBytes;
      case 0xF9 -> PackedInteger::subtractWords;
      case 0xFA -> PackedInteger::subtractDwords;
      case 0xFB -> (a, b) -> a - b;
      case 0xFC -> PackedInteger::addBytes;
      case 0xFD -> PackedInteger::addWords;
      case 0xFE -> PackedInteger::addDwords;
      default -> null;
    };
  }

  /**
   * Returns the operation of a shift by a register, 0F D1–D3, E1–E2, F1–F3: of a half and the
   * 64-bit count; or null.
   */
  static @Nullable LongBinaryOperator shifts(int opcode) {
    return switch (opcode) {
      case 0xD1 -> PackedInteger::shiftRightWords;
      case 0xD2 -> PackedInteger::shiftRightDwords;
      case 0xD3 -> PackedInteger::shiftRightQwords;
      case 0xE1 -> PackedInteger::shiftRightSignedWords;
      case 0xE2 -> PackedInteger::shiftRightSignedDwords;
      case 0xF1 -> PackedInteger::shiftLeftWords;
      case 0xF2 -> PackedInteger::shiftLeftDwords;
      case 0xF3 -> PackedInteger::shiftLeftQwords;
      default -> null;
    };
  }

  /**
   * Returns the operation of a shift by an immediate, 0F 71–73 with ModRM.reg, but for the
   * whole-register shifts.
   */
  static @Nullable LongBinaryOperator immediateShifts(int opcode, int extension) {
    int width = opcode - 0x71;
    return switch (extension) {
      case 2 -> shifts(0xD1 + width);
      case 4 -> width == 2 ? null : shifts(0xE1 + width);
      case 6 -> shifts(0xF1 + width);
      default -> null;
    };
  }

  /**
   * Returns the operation of PACK*, 0F 63, 67, 6B: of the low and the high half of one operand; or
   * null.
   */
  static @Nullable LongBinaryOperator packs(int opcode) {
    return switch (opcode) {
      case 0x63 -> PackedInteger::packSignedWords;
      case 0x67 -> PackedInteger::packUnsignedWords;
      case 0x6B -> PackedInteger::packSignedDwords;
      default -> null;
    };
  }

  /**
   * Returns the interleaving of the low halves of two operands' 64 bits that PUNPCK*, 0F 60–62 and
   * 68–6A, does.
   */
  static LongBinaryOperator interleaveLow(int opcode) {
    return switch (opcode & 3) {
      case 0 -> PackedInteger::interleaveLowBytes;
      case 1 -> PackedInteger::interleaveLowWords;
      default -> PackedInteger::interleaveLowDwords;
    };
  }

  /** Returns the interleaving of the high halves that goes with {@link #interleaveLow}. */
  static LongBinaryOperator interleaveHigh(int opcode) {
    return switch (opcode & 3) {
      case 0 -> PackedInteger::interleaveHighBytes;
      case 1 -> PackedInteger::interleaveHighWords;
      default -> PackedInteger::interleaveHighDwords;
    };
  }

  /** Decodes a packed integer instruction; null if there is none with that opcode and prefix. */
  static @Nullable Insn decode(DecodeContext d, int prefix) {
    int opcode = d.opcode();
    if (prefix == SimdOpcodes.P66) {
      return decodeXmm(d, opcode);
    }
    return prefix == SimdOpcodes.NONE ? decodeMmx(d, opcode) : null;
  }

  private static @Nullable Insn decodeXmm(DecodeContext d, int opcode) {
    if (opcode >= 0x71 && opcode <= 0x73) {
      return decodeXmmImmediateShift(d, opcode);
    }
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    Insn lanes = lanes(d, opcode, dst, src);
    if (lanes != null) {
      return lanes;
    }
    LongBinaryOperator shift = shifts(opcode);
    if (shift != null) {
      return new Shift(d, dst, src, shift);
    }
    LongBinaryOperator pack = packs(opcode);
    if (pack != null) {
      return new Pack(d, dst, src, pack);
    }
    return switch (opcode) {
      case 0x60, 0x61, 0x62 ->
          new Unpack(d, dst, src, 0, interleaveLow(opcode), interleaveHigh(opcode));
      case 0x68, 0x69, 0x6A ->
          new Unpack(d, dst, src, 1, interleaveLow(opcode), interleaveHigh(opcode));
      case 0x6C -> new Unpack(d, dst, src, 0, (a, b) -> a, (a, b) -> b);
      case 0x6D -> new Unpack(d, dst, src, 1, (a, b) -> a, (a, b) -> b);
      default -> null;
    };
  }

  /**
   * Returns the node for ANDPx and relatives by the opcode of the integer instruction that does the
   * same.
   */
  static @Nullable Insn logic(DecodeContext d, int integerOpcode) {
    SimdSource src = SimdSource.xmm(d);
    return lanes(d, integerOpcode, 2 * d.reg(), src);
  }

  private static @Nullable Insn lanes(DecodeContext d, int opcode, int dst, SimdSource src) {
    LongBinaryOperator op = lanes(opcode);
    if (op == null) {
      return null;
    }
    Insn hot = src.memory == null ? SimdHot.decode(d, opcode, dst, src.register) : null;
    return hot != null ? hot : new Lanes(d, dst, src, op);
  }

  private static @Nullable Insn decodeXmmImmediateShift(DecodeContext d, int opcode) {
    if (!d.isRegister()) {
      return null;
    }
    int extension = d.regField();
    int dst = 2 * d.rm();
    int count = d.imm8() & 0xFF;
    if (opcode == 0x73 && (extension == 3 || extension == 7)) {
      int bits = 8 * Math.min(count, 16);
      return extension == 3
          ? new SseInsn(d, c -> shiftRight128(c.xmm, dst, bits))
          : new SseInsn(d, c -> shiftLeft128(c.xmm, dst, bits));
    }
    LongBinaryOperator op = immediateShifts(opcode, extension);
    return op == null
        ? null
        : new SseInsn(
            d,
            c -> {
              c.xmm[dst] = op.applyAsLong(c.xmm[dst], count);
              c.xmm[dst + 1] = op.applyAsLong(c.xmm[dst + 1], count);
            });
  }

  /** PSRLDQ, by 0–128 bits. */
  static void shiftRight128(long[] xmm, int at, int bits) {
    long low = xmm[at];
    long high = xmm[at + 1];
    if (bits >= 64) {
      xmm[at] = bits == 128 ? 0 : high >>> bits;
      xmm[at + 1] = 0;
    } else if (bits > 0) {
      xmm[at] = low >>> bits | high << -bits;
      xmm[at + 1] = high >>> bits;
    }
  }

  /** PSLLDQ, by 0–128 bits. */
  static void shiftLeft128(long[] xmm, int at, int bits) {
    long low = xmm[at];
    long high = xmm[at + 1];
    if (bits >= 64) {
      xmm[at + 1] = bits == 128 ? 0 : low << bits;
      xmm[at] = 0;
    } else if (bits > 0) {
      xmm[at + 1] = high << bits | low >>> -bits;
      xmm[at] = low << bits;
    }
  }

  private static @Nullable Insn decodeMmx(DecodeContext d, int opcode) {
    if (opcode >= 0x71 && opcode <= 0x73) {
      if (!d.isRegister()) {
        return null;
      }
      int register = d.rmField();
      LongBinaryOperator shift = immediateShifts(opcode, d.regField());
      int count = d.imm8() & 0xFF;
      return shift == null
          ? null
          : new MmxInsn(
              d, c -> c.x87.setMmx(register, shift.applyAsLong(c.x87.mmx(register), count)));
    }
    SimdSource src = SimdSource.mmx(d);
    int dst = d.regField();
    LongBinaryOperator op =
        switch (opcode) {
          case 0x60, 0x61, 0x62 -> interleaveLow(opcode);
          case 0x68, 0x69, 0x6A -> interleaveHigh(opcode);
          case 0x63, 0x67, 0x6B -> packs(opcode);
          case 0xD1, 0xD2, 0xD3, 0xE1, 0xE2, 0xF1, 0xF2, 0xF3 -> shifts(opcode);
          default -> lanes(opcode);
        };
    if (op == null) {
      return null;
    }
    if (opcode >= 0x60 && opcode <= 0x62) {
      // PUNPCKL*: the one kind that reads but 32 bits of memory.
      return new MmxInsn(
          d, c -> c.x87.setMmx(dst, op.applyAsLong(c.x87.mmx(dst), src.mmxLow32(c))));
    }
    return new MmxInsn(d, c -> c.x87.setMmx(dst, op.applyAsLong(c.x87.mmx(dst), src.mmx(c))));
  }

  /** Any operation on each half of an XMM register. */
  static final class Lanes extends Insn {
    private final int dst;
    private final SimdSource src;
    private final LongBinaryOperator op;

    Lanes(DecodeContext d, int dst, SimdSource src, LongBinaryOperator op) {
      super(d);
      this.dst = dst;
      this.src = src;
      this.op = op;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long lin = src.locate(c);
      long low = op.applyAsLong(c.xmm[dst], src.half(c, lin, 0));
      c.xmm[dst + 1] = op.applyAsLong(c.xmm[dst + 1], src.half(c, lin, 1));
      c.xmm[dst] = low;
    }
  }

  /** A shift of both halves by the count in the source's low half. */
  private static final class Shift extends Insn {
    private final int dst;
    private final SimdSource src;
    private final LongBinaryOperator op;

    Shift(DecodeContext d, int dst, SimdSource src, LongBinaryOperator op) {
      super(d);
      this.dst = dst;
      this.src = src;
      this.op = op;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long count = src.onlyHalf(c, 0);
      c.xmm[dst] = op.applyAsLong(c.xmm[dst], count);
      c.xmm[dst + 1] = op.applyAsLong(c.xmm[dst + 1], count);
    }
  }

  /** PACK*: the destination's lanes into the low half, the source's into the high half. */
  static final class Pack extends Insn {
    private final int dst;
    private final SimdSource src;
    private final LongBinaryOperator op;

    Pack(DecodeContext d, int dst, SimdSource src, LongBinaryOperator op) {
      super(d);
      this.dst = dst;
      this.src = src;
      this.op = op;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long lin = src.locate(c);
      long high = op.applyAsLong(src.half(c, lin, 0), src.half(c, lin, 1));
      c.xmm[dst] = op.applyAsLong(c.xmm[dst], c.xmm[dst + 1]);
      c.xmm[dst + 1] = high;
    }
  }

  /**
   * PUNPCK* and UNPCK*: interleaves the low or the high halves of both operands over the whole
   * register.
   */
  static final class Unpack extends Insn {
    private final int dst;
    private final SimdSource src;
    private final int half;
    private final LongBinaryOperator low;
    private final LongBinaryOperator high;

    Unpack(
        DecodeContext d,
        int dst,
        SimdSource src,
        int half,
        LongBinaryOperator low,
        LongBinaryOperator high) {
      super(d);
      this.dst = dst;
      this.src = src;
      this.half = half;
      this.low = low;
      this.high = high;
    }

    @Override
    void execute(SoftCpu c) {
      Sse.check(c);
      long a = c.xmm[dst + half];
      long b = src.onlyHalf(c, half);
      c.xmm[dst] = low.applyAsLong(a, b);
      c.xmm[dst + 1] = high.applyAsLong(a, b);
    }
  }
}
