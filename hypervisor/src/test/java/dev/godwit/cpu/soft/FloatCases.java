package dev.godwit.cpu.soft;

import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.soft.fpu.FloatSamples;

/** Random states and encodings for SIMD and x87 instructions. */
final class FloatCases {
  static final int RBX = 3;
  static final int RDI = 7;

  /** Where memory operands lie: a 64-byte line inside the window. */
  static final int OPERAND_OFFSET = 0x120;

  private static final int WINDOW_OFFSET = 0x100;
  private static final int WINDOW_BYTES = 160;

  private final FloatSamples samples;

  FloatCases(FloatSamples samples) {
    this.samples = samples;
  }

  /**
   * A case with random registers, flags, XMM registers, MXCSR and memory; RBX and RDI point to the
   * operand, which now and then lies across the end of the page. One case in five is 32-bit code.
   */
  OracleCase random() {
    OracleCase c = new OracleCase();
    c.longMode = samples.below(5) != 0;
    for (int i = 0; i < 16; i++) {
      c.gpr[i] = samples.bits() >> samples.below(64);
    }
    if (samples.below(16) == 0) {
      long pageEnd = OracleCase.DATA_BASE + OracleCase.PAGE_BYTES;
      c.memOffset = OracleCase.PAGE_BYTES - WINDOW_BYTES;
      c.gpr[RBX] = pageEnd - samples.below(24);
      c.gpr[RDI] = pageEnd - samples.below(24);
    } else {
      long operand = OracleCase.DATA_BASE + OPERAND_OFFSET;
      c.memOffset = WINDOW_OFFSET;
      c.gpr[RBX] = operand + (samples.below(16) == 0 ? samples.below(16) : 0);
      c.gpr[RDI] = operand + samples.below(16);
    }
    c.rflags = samples.bits() & OracleCase.SETTABLE_FLAGS;
    for (int i = 0; i < 32; i++) {
      c.fx.putLong(
          160 + 8 * i, i % 2 == 1 ? vectorLike(c.fx.getLong(160 + 8 * (i - 1))) : vector());
    }
    int masks = samples.below(4) == 0 ? samples.below(64) : 0x3F;
    int rounding = samples.below(3) == 0 ? 0 : samples.below(4);
    int flush = samples.below(6) == 0 ? samples.below(4) : 0;
    int sticky =
        samples.below(2) * 0x20
            | (samples.below(4) == 0 ? samples.below(64) & ~masksOff(masks) : 0);
    c.fx.putInt(24, masks << 7 | rounding << 13 | (flush & 1) << 6 | flush >> 1 << 15 | sticky);
    c.mem = new byte[WINDOW_BYTES];
    for (int i = 0; i < WINDOW_BYTES; i += 8) {
      long value = vector();
      for (int j = 0; j < 8; j++) {
        c.mem[i + j] = (byte) (value >>> 8 * j);
      }
    }
    return c;
  }

  /** Sticky flags that are unmasked are legal, but say nothing new. */
  private static int masksOff(int masks) {
    return ~masks & 0x3F;
  }

  /** Half a vector: doubles, singles, or integers with extreme lanes. */
  private long vector() {
    return switch (samples.below(5)) {
      case 4 -> samples.bits() & samples.pickLong(0x0303_0303_0303_0303L, 0x0003_0003_0003_0003L);
      case 0 -> samples.nextDouble();
      case 1 -> samples.nextSingle() & 0xFFFF_FFFFL | (long) samples.nextSingle() << 32;
      case 2 -> sparse(64);
      default ->
          samples.pickLong(
              0,
              -1,
              0x8000_7FFF_8000_0001L,
              0x7F80_FF00_0180_7FFFL,
              samples.bits() & 0xFFFF,
              samples.below(80),
              ~sparse(64));
    };
  }

  /** A number with about a quarter of its bits set. */
  private long sparse(int bits) {
    long first = samples.bits();
    long second = samples.bits();
    return (first & second) >>> 64 - bits;
  }

  /** Often equal to the other half, so that both lanes meet the same special case. */
  private long vectorLike(long other) {
    return samples.below(4) == 0 ? other : vector();
  }

  /** Gives the x87 a random control word, status, stack and registers. */
  void randomX87(OracleCase c) {
    int masks = samples.below(3) == 0 ? samples.below(64) : 0x3F;
    int precision = samples.below(3) == 0 ? samples.below(4) : 3;
    c.fx.putShort(0, (short) (masks | 0x40 | precision << 8 | samples.below(4) << 10));
    // Conditions and TOP at random; no exception pending unless now and then.
    int status = samples.below(0x10000) & 0x4700 | samples.below(8) << 11;
    status |= samples.below(4) == 0 ? samples.below(0x80) & masks | samples.below(2) << 6 : 0;
    c.fx.putShort(2, (short) status);
    int empty = samples.below(3) == 0 ? (int) sparse(8) : 0;
    c.fx.put(4, (byte) (samples.below(4) == 0 ? samples.below(256) : ~empty));
    for (int i = 0; i < 8; i++) {
      int se = samples.nextSignExponent();
      long sig = samples.nextSignificand(se);
      if (samples.below(6) == 0) {
        se = samples.below(2) << 15 | 0x3FFF + samples.below(64);
        sig = Long.MIN_VALUE | samples.bits() << samples.below(63);
      }
      putRegister(c, i, se, sig);
    }
  }

  static void putRegister(OracleCase c, int st, int se, long sig) {
    c.fx.putLong(32 + 16 * st, sig);
    c.fx.putShort(40 + 16 * st, (short) se);
  }

  int below(int bound) {
    return samples.below(bound);
  }
}
