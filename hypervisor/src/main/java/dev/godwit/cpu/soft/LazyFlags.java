package dev.godwit.cpu.soft;

/**
 * The arithmetic flags within translated code: three locals, from which {@link Flags}' two longs
 * are computed only where something looks.
 *
 * <p>A kind says what the other two, x and y, are:
 *
 * <ul>
 *   <li>{@link #RAW}: {@code flagResult} and {@code flagAux} as in {@link Flags}.
 *   <li>{@link #INC} and {@link #DEC} plus a width: the sign-extended result, and a long whose sign
 *       bit is CF, which these instructions leave alone.
 *   <li>{@link #ADD} and {@link #SUB} plus a width: the two operands, sign-extended.
 * </ul>
 *
 * <p>A width is 0 to 3 for 8 to 64 bits. In the first three CF is the sign bit of y. Each method is
 * small, because the JVM's compilers inline small ones wherever they are called; with a constant
 * kind nothing of the choice remains.
 */
final class LazyFlags {
  static final int RAW = 0;
  static final int INC = 1;
  static final int DEC = 5;

  /** The last kind in which the sign bit of y is CF. */
  static final int LAST_WITH_CARRY = 8;

  static final int ADD = 9;
  static final int SUB = 13;

  private LazyFlags() {}

  /** Returns the width of a number of bits, 8 to 64. */
  static int width(int bits) {
    return Integer.numberOfTrailingZeros(bits) - 3;
  }

  private static int bits(int kind) {
    return 8 << (kind - 1 & 3);
  }

  /** Returns {@code flagResult}. */
  static long result(int kind, long x, long y) {
    if (kind < ADD) {
      return x;
    }
    return Alu.signExtend(kind < SUB ? x + y : x - y, bits(kind));
  }

  /** Returns {@code flagAux}. */
  static long aux(int kind, long x, long y) {
    if (kind == RAW) {
      return y;
    }
    return kind < ADD ? auxOfStep(kind, x, y) : auxOfSum(kind, x, y);
  }

  private static long auxOfStep(int kind, long x, long y) {
    long aux =
        kind < DEC
            ? Flags.auxOfAdd(x - 1, 1, x, bits(kind))
            : Flags.auxOfSub(x + 1, 1, x, bits(kind));
    return Flags.keepCarry(aux, y);
  }

  private static long auxOfSum(int kind, long x, long y) {
    return kind < SUB
        ? Flags.auxOfAdd(x, y, x + y, bits(kind))
        : Flags.auxOfSub(x, y, x - y, bits(kind));
  }

  /** Returns CF as 0 or 1. */
  static long carry(int kind, long x, long y) {
    return (kind <= LAST_WITH_CARRY ? y : auxOfSum(kind, x, y)) >>> 63;
  }

  /** Evaluates a condition code, 0–15. */
  static boolean condition(int code, int kind, long x, long y) {
    return Flags.condition(code, result(kind, x, y), aux(kind, x, y));
  }

  /** Makes the flags architectural. */
  static void store(SoftCpu c, int kind, long x, long y) {
    c.flagResult = result(kind, x, y);
    c.flagAux = aux(kind, x, y);
  }
}
