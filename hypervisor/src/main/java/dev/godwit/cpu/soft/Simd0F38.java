package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.Crc32c;
import dev.godwit.cpu.soft.fpu.PackedLater;
import java.util.function.LongBinaryOperator;
import org.jspecify.annotations.Nullable;

/** The opcode map 0F 38: SSSE3, most of SSE4.1, PCMPGTQ and CRC32. */
final class Simd0F38 {
  private Simd0F38() {}

  /** Decodes an instruction of the map; null if there is none with that opcode and prefix. */
  static @Nullable Insn decode(DecodeContext d, int prefix) {
    int opcode = d.opcode();
    if (opcode == 0xF0 || opcode == 0xF1) {
      return d.rep() == 0xF2 ? crc32(d, opcode == 0xF0) : null;
    }
    if (prefix == SimdOpcodes.NONE) {
      return decodeMmx(d, opcode);
    }
    return prefix == SimdOpcodes.P66 ? decodeXmm(d, opcode) : null;
  }

  /** SSSE3's operations on each half by itself, which MMX has too; or null. */
  private static @Nullable LongBinaryOperator ssse3Lanes(int opcode) {
    return switch (opcode) {
      case 0x04 -> PackedLater::multiplyAddBytes;
      case 0x08 -> PackedLater::signBytes;
      case 0x09 -> PackedLater::signWords;
      case 0x0A -> PackedLater::signDwords;
      case 0x0B -> PackedLater::multiplyRoundWords;
      case 0x1C -> PackedLater::absoluteBytes;
      case 0x1D -> PackedLater::absoluteWords;
      case 0x1E -> PackedLater::absoluteDwords;
      default -> null;
    };
  }

  /** Horizontal sums: of one operand's two halves; or null. */
  private static @Nullable LongBinaryOperator horizontal(int opcode) {
    return switch (opcode) {
      case 0x01 -> PackedLater::addPairsWords;
      case 0x02 -> PackedLater::addPairsDwords;
      case 0x03 -> PackedLater::addPairsSaturated;
      case 0x05 -> PackedLater::subtractPairsWords;
      case 0x06 -> PackedLater::subtractPairsDwords;
      case 0x07 -> PackedLater::subtractPairsSaturated;
      default -> null;
    };
  }

  /** SSE4's operations on each half by itself; or null. */
  private static @Nullable LongBinaryOperator sse4Lanes(int opcode) {
    return switch (opcode) {
      case 0x28 -> PackedLater::multiplySignedDwords;
      case 0x29 -> PackedLater::equalQwords;
      case 0x37 -> PackedLater::greaterQwords;
      case 0x38 -> PackedLater::minSignedBytes;
      case 0x39 -> PackedLater::minSignedDwords;
      case 0x3A -> PackedLater::minUnsignedWords;
      case 0x3B -> PackedLater::minUnsignedDwords;
      case 0x3C -> PackedLater::maxSignedBytes;
      case 0x3D -> PackedLater::maxSignedDwords;
      case 0x3E -> PackedLater::maxUnsignedWords;
      case 0x3F -> PackedLater::maxUnsignedDwords;
      case 0x40 -> PackedLater::multiplyLowDwords;
      default -> null;
    };
  }

  private static @Nullable Insn decodeMmx(DecodeContext d, int opcode) {
    LongBinaryOperator lanes = ssse3Lanes(opcode);
    LongBinaryOperator op =
        opcode == 0
            ? (a, b) -> PackedLater.shuffleBytes(a, a, b, 7)
            : lanes != null ? lanes : horizontal(opcode);
    if (op == null) {
      return null;
    }
    SimdSource src = SimdSource.mmx(d);
    int dst = d.regField();
    return new MmxInsn(d, c -> c.x87.setMmx(dst, op.applyAsLong(c.x87.mmx(dst), src.mmx(c))));
  }

  private static @Nullable Insn decodeXmm(DecodeContext d, int opcode) {
    SimdSource src = SimdSource.xmm(d);
    int dst = 2 * d.reg();
    LongBinaryOperator ssse3 = ssse3Lanes(opcode);
    LongBinaryOperator lanes = ssse3 != null ? ssse3 : sse4Lanes(opcode);
    if (lanes != null) {
      return new SimdInteger.Lanes(d, dst, src, lanes);
    }
    LongBinaryOperator pack = opcode == 0x2B ? PackedLater::packUnsignedDwords : horizontal(opcode);
    if (pack != null) {
      return new SimdInteger.Pack(d, dst, src, pack);
    }
    return switch (opcode) {
      case 0x00 -> shuffleBytes(d, dst, src);
      case 0x10 -> blend(d, dst, src, 8);
      case 0x14 -> blend(d, dst, src, 32);
      case 0x15 -> blend(d, dst, src, 64);
      case 0x17 -> test(d, dst, src);
      case 0x20, 0x21, 0x22, 0x23, 0x24, 0x25 -> extend(d, dst, src, opcode & 7, true);
      case 0x30, 0x31, 0x32, 0x33, 0x34, 0x35 -> extend(d, dst, src, opcode & 7, false);
      case 0x2A ->
          src.memory == null ? null : new SseInsn(d, c -> c.read128(src.locate(c), c.xmm, dst));
      case 0x41 ->
          new SseInsn(
              d,
              c -> {
                long lin = src.locate(c);
                c.xmm[dst] = PackedLater.minimumPosition(src.half(c, lin, 0), src.half(c, lin, 1));
                c.xmm[dst + 1] = 0;
              });
      default -> null;
    };
  }

  /** PSHUFB. */
  private static Insn shuffleBytes(DecodeContext d, int dst, SimdSource src) {
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long controlLow = src.half(c, lin, 0);
          long controlHigh = src.half(c, lin, 1);
          long low = c.xmm[dst];
          long high = c.xmm[dst + 1];
          c.xmm[dst] = PackedLater.shuffleBytes(low, high, controlLow, 15);
          c.xmm[dst + 1] = PackedLater.shuffleBytes(low, high, controlHigh, 15);
        });
  }

  /** PBLENDVB, BLENDVPS, BLENDVPD: lanes of the source where XMM0's lane has its top bit set. */
  private static Insn blend(DecodeContext d, int dst, SimdSource src, int bits) {
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long srcLow = src.half(c, lin, 0);
          long srcHigh = src.half(c, lin, 1);
          long maskLow = PackedLater.signMask(c.xmm[0], bits);
          long maskHigh = PackedLater.signMask(c.xmm[1], bits);
          c.xmm[dst] = srcLow & maskLow | c.xmm[dst] & ~maskLow;
          c.xmm[dst + 1] = srcHigh & maskHigh | c.xmm[dst + 1] & ~maskHigh;
        });
  }

  /** PTEST. */
  private static Insn test(DecodeContext d, int dst, SimdSource src) {
    return new SseInsn(
        d,
        c -> {
          long lin = src.locate(c);
          long low = src.half(c, lin, 0);
          long high = src.half(c, lin, 1);
          boolean zero = (low & c.xmm[dst] | high & c.xmm[dst + 1]) == 0;
          boolean carry = (low & ~c.xmm[dst] | high & ~c.xmm[dst + 1]) == 0;
          c.setArithmeticFlags((zero ? Flags.ZF : 0) | (carry ? Flags.CF : 0));
        });
  }

  /** PMOVSX* and PMOVZX*: reads as much memory as it widens. */
  private static Insn extend(DecodeContext d, int dst, SimdSource src, int which, boolean signed) {
    int from = which < 3 ? 8 : which < 5 ? 16 : 32;
    int to = which == 0 ? 16 : which == 1 || which == 3 ? 32 : 64;
    int halfBits = 64 * from / to;
    return new SseInsn(
        d,
        c -> {
          long source =
              switch (halfBits) {
                case 32 -> src.low64(c);
                case 16 -> src.low32(c);
                default -> src.low16(c);
              };
          c.xmm[dst] = PackedLater.extend(source, from, to, signed);
          c.xmm[dst + 1] = PackedLater.extend(source >>> halfBits, from, to, signed);
        });
  }

  /** CRC32: an integer instruction that lives here. */
  private static Insn crc32(DecodeContext d, boolean isByte) {
    int dst = d.reg();
    int bytes = isByte ? 1 : d.operandSize();
    if (!d.isRegister()) {
      return new Crc32Memory(d, dst, d.mem(), bytes);
    }
    boolean highByte = isByte && d.rex() == 0 && d.rm() >= 4;
    return new Crc32Register(d, dst, highByte ? d.rm() - 4 : d.rm(), highByte ? 8 : 0, bytes);
  }

  private static final class Crc32Register extends Insn {
    private final int dst;
    private final int src;
    private final int shift;
    private final int bytes;

    Crc32Register(DecodeContext d, int dst, int src, int shift, int bytes) {
      super(d);
      this.dst = dst;
      this.src = src;
      this.shift = shift;
      this.bytes = bytes;
    }

    @Override
    void execute(SoftCpu c) {
      c.regs[dst] = Crc32c.update((int) c.regs[dst], c.regs[src] >>> shift, bytes) & 0xFFFF_FFFFL;
    }
  }

  private static final class Crc32Memory extends Insn {
    private final int dst;
    private final MemOperand m;
    private final int bytes;

    Crc32Memory(DecodeContext d, int dst, MemOperand m, int bytes) {
      super(d);
      this.dst = dst;
      this.m = m;
      this.bytes = bytes;
    }

    @Override
    void execute(SoftCpu c) {
      long lin = m.forRead(c, bytes);
      long value =
          switch (bytes) {
            case 1 -> c.read8(lin);
            case 2 -> c.read16(lin);
            case 4 -> c.read32(lin);
            default -> c.read64(lin);
          };
      c.regs[dst] = Crc32c.update((int) c.regs[dst], value, bytes) & 0xFFFF_FFFFL;
    }
  }
}
