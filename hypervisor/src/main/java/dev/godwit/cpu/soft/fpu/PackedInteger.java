package dev.godwit.cpu.soft.fpu;

/**
 * Packed integer arithmetic of MMX and SSE on 64 bits at a time: eight bytes, four words, two
 * dwords. A 128-bit operation does its two halves one after the other; where lanes move between
 * halves, the methods here are the building blocks.
 *
 * <p>Most work on all lanes at once: sums and differences without the lanes' top bits do not
 * disturb neighbours, and the top bits are put right by XOR.
 */
public final class PackedInteger {
  private static final long TOP8 = 0x8080_8080_8080_8080L;
  private static final long TOP16 = 0x8000_8000_8000_8000L;
  private static final long TOP32 = 0x8000_0000_8000_0000L;

  private PackedInteger() {}

  // --- wrapping sums ------------------------------------------------------------------------

  private static long add(long a, long b, long top) {
    return ((a & ~top) + (b & ~top)) ^ ((a ^ b) & top);
  }

  private static long subtract(long a, long b, long top) {
    return ((a | top) - (b & ~top)) ^ ((a ^ ~b) & top);
  }

  public static long addBytes(long a, long b) {
    return add(a, b, TOP8);
  }

  public static long addWords(long a, long b) {
    return add(a, b, TOP16);
  }

  public static long addDwords(long a, long b) {
    return add(a, b, TOP32);
  }

  public static long subtractBytes(long a, long b) {
    return subtract(a, b, TOP8);
  }

  public static long subtractWords(long a, long b) {
    return subtract(a, b, TOP16);
  }

  public static long subtractDwords(long a, long b) {
    return subtract(a, b, TOP32);
  }

  // --- masks: from the lanes' top bits to whole lanes -----------------------------------------

  private static long spread8(long tops) {
    return ((tops & TOP8) >>> 7) * 0xFF;
  }

  private static long spread16(long tops) {
    return ((tops & TOP16) >>> 15) * 0xFFFF;
  }

  private static long spread32(long tops) {
    return ((tops & TOP32) >>> 31) * 0xFFFF_FFFFL;
  }

  private static long select(long mask, long ifSet, long ifClear) {
    return ifSet & mask | ifClear & ~mask;
  }

  private static long carries(long a, long b, long sum) {
    return a & b | (a | b) & ~sum;
  }

  private static long borrows(long a, long b, long difference) {
    return ~a & b | (~a | b) & difference;
  }

  // --- saturating sums ------------------------------------------------------------------------

  public static long addSignedBytes(long a, long b) {
    long sum = addBytes(a, b);
    long limit = (a >>> 7 & TOP8 >>> 7) + ~TOP8;
    return select(spread8(~(a ^ b) & (a ^ sum)), limit, sum);
  }

  public static long addSignedWords(long a, long b) {
    long sum = addWords(a, b);
    long limit = (a >>> 15 & TOP16 >>> 15) + ~TOP16;
    return select(spread16(~(a ^ b) & (a ^ sum)), limit, sum);
  }

  public static long subtractSignedBytes(long a, long b) {
    long difference = subtractBytes(a, b);
    long limit = (a >>> 7 & TOP8 >>> 7) + ~TOP8;
    return select(spread8((a ^ b) & (a ^ difference)), limit, difference);
  }

  public static long subtractSignedWords(long a, long b) {
    long difference = subtractWords(a, b);
    long limit = (a >>> 15 & TOP16 >>> 15) + ~TOP16;
    return select(spread16((a ^ b) & (a ^ difference)), limit, difference);
  }

  public static long addUnsignedBytes(long a, long b) {
    long sum = addBytes(a, b);
    return sum | spread8(carries(a, b, sum));
  }

  public static long addUnsignedWords(long a, long b) {
    long sum = addWords(a, b);
    return sum | spread16(carries(a, b, sum));
  }

  public static long subtractUnsignedBytes(long a, long b) {
    long difference = subtractBytes(a, b);
    return difference & ~spread8(borrows(a, b, difference));
  }

  public static long subtractUnsignedWords(long a, long b) {
    long difference = subtractWords(a, b);
    return difference & ~spread16(borrows(a, b, difference));
  }

  // --- comparisons, minima, averages ------------------------------------------------------------

  public static long equalBytes(long a, long b) {
    long different = a ^ b;
    return spread8(~((different & ~TOP8) + ~TOP8 | different));
  }

  public static long equalWords(long a, long b) {
    long different = a ^ b;
    return spread16(~((different & ~TOP16) + ~TOP16 | different));
  }

  public static long equalDwords(long a, long b) {
    long different = a ^ b;
    return spread32(~((different & ~TOP32) + ~TOP32 | different));
  }

  /** Top bits of the lanes where a, signed, is greater than b. */
  private static long greater(long a, long b, long reverseDifference) {
    return reverseDifference ^ (a ^ b) & (b ^ reverseDifference);
  }

  public static long greaterBytes(long a, long b) {
    return spread8(greater(a, b, subtractBytes(b, a)));
  }

  public static long greaterWords(long a, long b) {
    return spread16(greater(a, b, subtractWords(b, a)));
  }

  public static long greaterDwords(long a, long b) {
    return spread32(greater(a, b, subtractDwords(b, a)));
  }

  public static long minUnsignedBytes(long a, long b) {
    return select(spread8(borrows(a, b, subtractBytes(a, b))), a, b);
  }

  public static long maxUnsignedBytes(long a, long b) {
    return select(spread8(borrows(a, b, subtractBytes(a, b))), b, a);
  }

  public static long minSignedWords(long a, long b) {
    return select(greaterWords(a, b), b, a);
  }

  public static long maxSignedWords(long a, long b) {
    return select(greaterWords(a, b), a, b);
  }

  public static long averageBytes(long a, long b) {
    return (a | b) - (((a ^ b) & ~(TOP8 >>> 7)) >>> 1);
  }

  public static long averageWords(long a, long b) {
    return (a | b) - (((a ^ b) & ~(TOP16 >>> 15)) >>> 1);
  }

  /** PSADBW: the sum of the absolute differences of eight bytes. */
  public static long sumAbsoluteDifferences(long a, long b) {
    long distance = subtractUnsignedBytes(a, b) | subtractUnsignedBytes(b, a);
    long sums = (distance & 0x00FF_00FF_00FF_00FFL) + (distance >>> 8 & 0x00FF_00FF_00FF_00FFL);
    return sums * 0x0001_0001_0001_0001L >>> 48;
  }

  // --- products -------------------------------------------------------------------------------

  private static int word(long x, int i) {
    return (short) (x >>> 16 * i);
  }

  private static int unsignedWord(long x, int i) {
    return (int) (x >>> 16 * i) & 0xFFFF;
  }

  public static long multiplyLowWords(long a, long b) {
    long result = 0;
    for (int i = 0; i < 4; i++) {
      result |= (word(a, i) * word(b, i) & 0xFFFFL) << 16 * i;
    }
    return result;
  }

  public static long multiplyHighWords(long a, long b) {
    long result = 0;
    for (int i = 0; i < 4; i++) {
      result |= (word(a, i) * word(b, i) >>> 16 & 0xFFFFL) << 16 * i;
    }
    return result;
  }

  public static long multiplyHighUnsignedWords(long a, long b) {
    long result = 0;
    for (int i = 0; i < 4; i++) {
      result |= (long) (unsignedWord(a, i) * unsignedWord(b, i) >>> 16) << 16 * i;
    }
    return result;
  }

  /** PMADDWD: sums of neighbouring products, as dwords. */
  public static long multiplyAddWords(long a, long b) {
    int low = word(a, 0) * word(b, 0) + word(a, 1) * word(b, 1);
    int high = word(a, 2) * word(b, 2) + word(a, 3) * word(b, 3);
    return low & 0xFFFF_FFFFL | (long) high << 32;
  }

  /** PMULUDQ: the product of the low dwords. */
  public static long multiplyUnsignedDwords(long a, long b) {
    return (a & 0xFFFF_FFFFL) * (b & 0xFFFF_FFFFL);
  }

  // --- packing and unpacking --------------------------------------------------------------------

  /** PACKSSWB: eight words, in two halves, to bytes with signed saturation. */
  public static long packSignedWords(long low, long high) {
    long result = 0;
    for (int i = 0; i < 8; i++) {
      int value = word(i < 4 ? low : high, i & 3);
      result |= (Math.clamp(value, Byte.MIN_VALUE, Byte.MAX_VALUE) & 0xFFL) << 8 * i;
    }
    return result;
  }

  /** PACKUSWB: eight words, in two halves, to bytes with unsigned saturation. */
  public static long packUnsignedWords(long low, long high) {
    long result = 0;
    for (int i = 0; i < 8; i++) {
      int value = word(i < 4 ? low : high, i & 3);
      result |= (long) Math.clamp(value, 0, 0xFF) << 8 * i;
    }
    return result;
  }

  /** PACKSSDW: four dwords, in two halves, to words with signed saturation. */
  public static long packSignedDwords(long low, long high) {
    long result = 0;
    for (int i = 0; i < 4; i++) {
      int value = (int) ((i < 2 ? low : high) >>> 32 * (i & 1));
      result |= (Math.clamp(value, Short.MIN_VALUE, Short.MAX_VALUE) & 0xFFFFL) << 16 * i;
    }
    return result;
  }

  private static long spaceBytes(long fourBytes) {
    long x = (fourBytes | fourBytes << 16) & 0x0000_FFFF_0000_FFFFL;
    return (x | x << 8) & 0x00FF_00FF_00FF_00FFL;
  }

  private static long spaceWords(long twoWords) {
    return (twoWords | twoWords << 16) & 0x0000_FFFF_0000_FFFFL;
  }

  /** PUNPCKLBW: the low four bytes of each, a's first. */
  public static long interleaveLowBytes(long a, long b) {
    return spaceBytes(a & 0xFFFF_FFFFL) | spaceBytes(b & 0xFFFF_FFFFL) << 8;
  }

  public static long interleaveHighBytes(long a, long b) {
    return interleaveLowBytes(a >>> 32, b >>> 32);
  }

  public static long interleaveLowWords(long a, long b) {
    return spaceWords(a & 0xFFFF_FFFFL) | spaceWords(b & 0xFFFF_FFFFL) << 16;
  }

  public static long interleaveHighWords(long a, long b) {
    return interleaveLowWords(a >>> 32, b >>> 32);
  }

  public static long interleaveLowDwords(long a, long b) {
    return a & 0xFFFF_FFFFL | b << 32;
  }

  public static long interleaveHighDwords(long a, long b) {
    return a >>> 32 | b & 0xFFFF_FFFF_0000_0000L;
  }

  /** PSHUFW and halves of PSHUFLW and PSHUFHW. */
  public static long shuffleWords(long x, int order) {
    long result = 0;
    for (int i = 0; i < 4; i++) {
      result |= (long) unsignedWord(x, order >> 2 * i & 3) << 16 * i;
    }
    return result;
  }

  /** PMOVMSKB of eight bytes: their top bits. */
  public static int byteSigns(long x) {
    return (int) (((x & TOP8) >>> 7) * 0x0102_0408_1020_4080L >>> 56);
  }

  // --- shifts ---------------------------------------------------------------------------------

  /** The low {@code kept} bits of each lane of {@code bits}, repeated over 64. */
  private static long lanes(int bits, int kept) {
    long one = (1L << kept) - 1;
    return bits == 16 ? one * 0x0001_0001_0001_0001L : one * 0x0000_0001_0000_0001L;
  }

  public static long shiftLeftWords(long x, long count) {
    return count >>> 4 != 0 ? 0 : (x & lanes(16, 16 - (int) count)) << count;
  }

  public static long shiftLeftDwords(long x, long count) {
    return count >>> 5 != 0 ? 0 : (x & lanes(32, 32 - (int) count)) << count;
  }

  public static long shiftLeftQwords(long x, long count) {
    return count >>> 6 != 0 ? 0 : x << count;
  }

  public static long shiftRightWords(long x, long count) {
    return count >>> 4 != 0 ? 0 : x >>> count & lanes(16, 16 - (int) count);
  }

  public static long shiftRightDwords(long x, long count) {
    return count >>> 5 != 0 ? 0 : x >>> count & lanes(32, 32 - (int) count);
  }

  public static long shiftRightQwords(long x, long count) {
    return count >>> 6 != 0 ? 0 : x >>> count;
  }

  public static long shiftRightSignedWords(long x, long count) {
    int by = count >>> 4 != 0 ? 15 : (int) count;
    long result = 0;
    for (int i = 0; i < 4; i++) {
      result |= (word(x, i) >> by & 0xFFFFL) << 16 * i;
    }
    return result;
  }

  public static long shiftRightSignedDwords(long x, long count) {
    int by = count >>> 5 != 0 ? 31 : (int) count;
    return (int) x >> by & 0xFFFF_FFFFL | (x >> by & 0xFFFF_FFFF_0000_0000L);
  }
}
