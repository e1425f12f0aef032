package dev.godwit.cpu.soft.fpu;

/**
 * Packed integer arithmetic that SSSE3, SSE4.1 and SSE4.2 added, on 64 bits at a time as in {@link
 * PackedInteger}.
 */
public final class PackedLater {
  private PackedLater() {}

  private static int word(long x, int i) {
    return (short) (x >>> 16 * i);
  }

  private static int dword(long x, int i) {
    return (int) (x >>> 32 * i);
  }

  private static long words(int w0, int w1, int w2, int w3) {
    return w0 & 0xFFFFL | (w1 & 0xFFFFL) << 16 | (w2 & 0xFFFFL) << 32 | (long) w3 << 48;
  }

  private static long dwords(int low, int high) {
    return low & 0xFFFF_FFFFL | (long) high << 32;
  }

  private static int saturate(int value) {
    return Math.clamp(value, Short.MIN_VALUE, Short.MAX_VALUE);
  }

  // --- SSSE3: horizontal sums, of the pairs in two operands ------------------------------------

  public static long addPairsWords(long a, long b) {
    return words(
        word(a, 0) + word(a, 1),
        word(a, 2) + word(a, 3),
        word(b, 0) + word(b, 1),
        word(b, 2) + word(b, 3));
  }

  public static long addPairsDwords(long a, long b) {
    return dwords(dword(a, 0) + dword(a, 1), dword(b, 0) + dword(b, 1));
  }

  public static long addPairsSaturated(long a, long b) {
    return words(
        saturate(word(a, 0) + word(a, 1)),
        saturate(word(a, 2) + word(a, 3)),
        saturate(word(b, 0) + word(b, 1)),
        saturate(word(b, 2) + word(b, 3)));
  }

  public static long subtractPairsWords(long a, long b) {
    return words(
        word(a, 0) - word(a, 1),
        word(a, 2) - word(a, 3),
        word(b, 0) - word(b, 1),
        word(b, 2) - word(b, 3));
  }

  public static long subtractPairsDwords(long a, long b) {
    return dwords(dword(a, 0) - dword(a, 1), dword(b, 0) - dword(b, 1));
  }

  public static long subtractPairsSaturated(long a, long b) {
    return words(
        saturate(word(a, 0) - word(a, 1)),
        saturate(word(a, 2) - word(a, 3)),
        saturate(word(b, 0) - word(b, 1)),
        saturate(word(b, 2) - word(b, 3)));
  }

  // --- SSSE3: lanes -----------------------------------------------------------------------------

  /** PMADDUBSW: unsigned bytes of a times signed bytes of b, neighbours summed with saturation. */
  public static long multiplyAddBytes(long a, long b) {
    long result = 0;
    for (int i = 0; i < 64; i += 16) {
      int low = (int) (a >>> i & 0xFF) * (byte) (b >>> i);
      int high = (int) (a >>> i + 8 & 0xFF) * (byte) (b >>> i + 8);
      result |= (saturate(low + high) & 0xFFFFL) << i;
    }
    return result;
  }

  /** PMULHRSW: the products' high halves, rounded. */
  public static long multiplyRoundWords(long a, long b) {
    long result = 0;
    for (int i = 0; i < 4; i++) {
      int product = (word(a, i) * word(b, i) >> 14) + 1 >> 1;
      result |= (product & 0xFFFFL) << 16 * i;
    }
    return result;
  }

  /** PSIGN*: a, negated where b is negative, zero where b is zero; lanes of {@code bits}. */
  private static long sign(long a, long b, int bits) {
    long mask = (1L << bits) - 1;
    long result = 0;
    for (int i = 0; i < 64; i += bits) {
      long by = b << 64 - bits - i >> 64 - bits;
      long value = a << 64 - bits - i >> 64 - bits;
      result |= (by == 0 ? 0 : by < 0 ? -value & mask : value & mask) << i;
    }
    return result;
  }

  public static long signBytes(long a, long b) {
    return sign(a, b, 8);
  }

  public static long signWords(long a, long b) {
    return sign(a, b, 16);
  }

  public static long signDwords(long a, long b) {
    return sign(a, b, 32);
  }

  /** PABS*: of b; a is not used. */
  public static long absoluteBytes(long a, long b) {
    return sign(b, b, 8);
  }

  public static long absoluteWords(long a, long b) {
    return sign(b, b, 16);
  }

  public static long absoluteDwords(long a, long b) {
    return sign(b, b, 32);
  }

  /** PSHUFB for eight result bytes that may be chosen from 8 (MMX) or 16 bytes. */
  public static long shuffleBytes(long low, long high, long control, int indexMask) {
    long result = 0;
    for (int i = 0; i < 64; i += 8) {
      int which = (int) (control >>> i);
      if ((which & 0x80) == 0) {
        long from = (which & indexMask & 8) == 0 ? low : high;
        result |= (from >>> 8 * (which & 7) & 0xFF) << i;
      }
    }
    return result;
  }

  // --- SSE4.1, SSE4.2 ---------------------------------------------------------------------------

  private static final long BYTE_SIGNS = 0x8080_8080_8080_8080L;
  private static final long WORD_SIGNS = 0x8000_8000_8000_8000L;
  private static final long DWORD_SIGNS = 0x8000_0000_8000_0000L;

  private static long select(long mask, long ifSet, long ifClear) {
    return ifSet & mask | ifClear & ~mask;
  }

  public static long minSignedBytes(long a, long b) {
    return select(PackedInteger.greaterBytes(a, b), b, a);
  }

  public static long maxSignedBytes(long a, long b) {
    return select(PackedInteger.greaterBytes(a, b), a, b);
  }

  public static long minSignedDwords(long a, long b) {
    return select(PackedInteger.greaterDwords(a, b), b, a);
  }

  public static long maxSignedDwords(long a, long b) {
    return select(PackedInteger.greaterDwords(a, b), a, b);
  }

  public static long minUnsignedWords(long a, long b) {
    return select(PackedInteger.greaterWords(a ^ WORD_SIGNS, b ^ WORD_SIGNS), b, a);
  }

  public static long maxUnsignedWords(long a, long b) {
    return select(PackedInteger.greaterWords(a ^ WORD_SIGNS, b ^ WORD_SIGNS), a, b);
  }

  public static long minUnsignedDwords(long a, long b) {
    return select(PackedInteger.greaterDwords(a ^ DWORD_SIGNS, b ^ DWORD_SIGNS), b, a);
  }

  public static long maxUnsignedDwords(long a, long b) {
    return select(PackedInteger.greaterDwords(a ^ DWORD_SIGNS, b ^ DWORD_SIGNS), a, b);
  }

  public static long equalQwords(long a, long b) {
    return a == b ? -1 : 0;
  }

  public static long greaterQwords(long a, long b) {
    return a > b ? -1 : 0;
  }

  /** PMULDQ: the signed product of the low dwords. */
  public static long multiplySignedDwords(long a, long b) {
    return (long) (int) a * (int) b;
  }

  public static long multiplyLowDwords(long a, long b) {
    return dwords(dword(a, 0) * dword(b, 0), dword(a, 1) * dword(b, 1));
  }

  /** PACKUSDW: four dwords, in two halves, to words with unsigned saturation. */
  public static long packUnsignedDwords(long low, long high) {
    return words(
        Math.clamp(dword(low, 0), 0, 0xFFFF),
        Math.clamp(dword(low, 1), 0, 0xFFFF),
        Math.clamp(dword(high, 0), 0, 0xFFFF),
        Math.clamp(dword(high, 1), 0, 0xFFFF));
  }

  /**
   * PMOVSX* and PMOVZX*: widens the lanes of a source to 64 bits of result.
   *
   * @param from bits of a source lane
   * @param to bits of a result lane
   */
  public static long extend(long source, int from, int to, boolean signed) {
    long result = 0;
    long mask = to == 64 ? -1 : (1L << to) - 1;
    for (int i = 0; i * to < 64; i++) {
      long top = source << 64 - from - i * from;
      long lane = signed ? top >> 64 - from : top >>> 64 - from;
      result |= (lane & mask) << i * to;
    }
    return result;
  }

  /**
   * Masks of the bytes (8), dwords (32) or qwords (64) whose top bit is set: PBLENDVB, BLENDVPS,
   * BLENDVPD.
   */
  public static long signMask(long x, int bits) {
    return switch (bits) {
      case 8 -> ((x & BYTE_SIGNS) >>> 7) * 0xFF;
      case 32 -> ((x & DWORD_SIGNS) >>> 31) * 0xFFFF_FFFFL;
      default -> x >> 63;
    };
  }

  /**
   * MPSADBW: four sums of absolute differences of four bytes, a's window sliding by a byte each.
   */
  public static long slidingDifferences(long low, long high, int offset, int fourBytes) {
    long result = 0;
    for (int i = 0; i < 4; i++) {
      int sum = 0;
      for (int j = 0; j < 4; j++) {
        int at = offset + i + j;
        int byteA = (int) ((at < 8 ? low : high) >>> 8 * (at & 7)) & 0xFF;
        sum += Math.abs(byteA - (fourBytes >>> 8 * j & 0xFF));
      }
      result |= (long) sum << 16 * i;
    }
    return result;
  }

  /** PHMINPOSUW: the smallest of eight unsigned words, and its index above it. */
  public static long minimumPosition(long low, long high) {
    int best = 0x1_0000;
    int index = 0;
    for (int i = 0; i < 8; i++) {
      int value = word(i < 4 ? low : high, i & 3) & 0xFFFF;
      if (value < best) {
        best = value;
        index = i;
      }
    }
    return best | (long) index << 16;
  }
}
