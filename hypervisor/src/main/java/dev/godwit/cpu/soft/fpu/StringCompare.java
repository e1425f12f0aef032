package dev.godwit.cpu.soft.fpu;

/**
 * PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM (SDM vol. 2 4.1): the aggregation of comparisons of
 * every element of one string with every element of another.
 */
public final class StringCompare {
  private StringCompare() {}

  /**
   * One element, by the format in the immediate's low two bits: unsigned bytes, words, signed
   * bytes, words.
   */
  private static int element(long low, long high, int i, int control) {
    if ((control & 1) == 0) {
      int value = (int) ((i < 8 ? low : high) >>> 8 * (i & 7));
      return (control & 2) == 0 ? value & 0xFF : (byte) value;
    }
    int value = (int) ((i < 4 ? low : high) >>> 16 * (i & 3));
    return (control & 2) == 0 ? value & 0xFFFF : (short) value;
  }

  /** Returns how many elements a register has: 16 bytes or 8 words. */
  public static int elements(int control) {
    return (control & 1) == 0 ? 16 : 8;
  }

  /** Returns the length of a string that ends at its first zero element. */
  public static int implicitLength(long low, long high, int control) {
    int count = elements(control);
    for (int i = 0; i < count; i++) {
      if (element(low, high, i, control) == 0) {
        return i;
      }
    }
    return count;
  }

  /** Returns the length that EAX or EDX gives: its magnitude, at most the number of elements. */
  public static int explicitLength(long register, int control) {
    int count = elements(control);
    return register < -count || register > count ? count : (int) Math.abs(register);
  }

  /**
   * Returns IntRes2: one bit for each element of the second string.
   *
   * @param low1 first string (the destination operand), low half
   * @param length1 its valid elements
   * @param low2 second string (the source operand), low half
   * @param length2 its valid elements
   * @param control the immediate
   */
  public static int compare(
      long low1, long high1, int length1, long low2, long high2, int length2, int control) {
    int count = elements(control);
    int result = 0;
    for (int j = 0; j < count; j++) {
      boolean bit =
          switch (control >> 2 & 3) {
            case 0 ->
                anyEqual(
                    low1, high1, length1, element(low2, high2, j, control), j < length2, control);
            case 1 ->
                inRanges(
                    low1, high1, length1, element(low2, high2, j, control), j < length2, control);
            case 2 -> equalAt(low1, high1, length1, low2, high2, length2, j, control);
            default -> equalFrom(low1, high1, length1, low2, high2, length2, j, control);
          };
      result |= bit ? 1 << j : 0;
    }
    int all = (1 << count) - 1;
    return switch (control >> 4 & 3) {
      case 1 -> result ^ all;
      case 3 -> result ^ (1 << length2) - 1;
      default -> result;
    };
  }

  private static boolean anyEqual(
      long low1, long high1, int length1, int value, boolean valid, int control) {
    for (int i = 0; valid && i < length1; i++) {
      if (element(low1, high1, i, control) == value) {
        return true;
      }
    }
    return false;
  }

  private static boolean inRanges(
      long low1, long high1, int length1, int value, boolean valid, int control) {
    for (int i = 0; valid && i + 1 < length1; i += 2) {
      if (element(low1, high1, i, control) <= value
          && value <= element(low1, high1, i + 1, control)) {
        return true;
      }
    }
    return false;
  }

  /** Equal each: two ended strings are equal behind their ends. */
  private static boolean equalAt(
      long low1, long high1, int length1, long low2, long high2, int length2, int j, int control) {
    if (j < length1 && j < length2) {
      return element(low1, high1, j, control) == element(low2, high2, j, control);
    }
    return j >= length1 && j >= length2;
  }

  /** Equal ordered: whether the first string, as far as it goes, stands in the second from j on. */
  private static boolean equalFrom(
      long low1, long high1, int length1, long low2, long high2, int length2, int j, int control) {
    int count = elements(control);
    for (int i = 0; i < length1 && j + i < count; i++) {
      if (j + i >= length2
          || element(low1, high1, i, control) != element(low2, high2, j + i, control)) {
        return false;
      }
    }
    return true;
  }

  /** Returns the index that PCMPxSTRI leaves in ECX. */
  public static int index(int bits, int control) {
    if (bits == 0) {
      return elements(control);
    }
    boolean last = (control & 0x40) != 0;
    return last ? 31 - Integer.numberOfLeadingZeros(bits) : Integer.numberOfTrailingZeros(bits);
  }

  /** Returns a half of the mask that PCMPxSTRM leaves in XMM0: bits, or whole elements. */
  public static long mask(int bits, int control, int half) {
    if ((control & 0x40) == 0) {
      return half == 0 ? bits : 0;
    }
    int count = elements(control) / 2;
    int width = 64 / count;
    long ones = (1L << width) - 1;
    long result = 0;
    for (int i = 0; i < count; i++) {
      result |= (bits >> half * count + i & 1) != 0 ? ones << i * width : 0;
    }
    return result;
  }
}
