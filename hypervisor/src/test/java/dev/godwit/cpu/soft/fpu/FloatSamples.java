package dev.godwit.cpu.soft.fpu;

import java.util.SplittableRandom;

/** Random floating-point bit patterns, weighted to where arithmetic goes wrong. */
public final class FloatSamples {
  private final SplittableRandom random;

  public FloatSamples(long seed) {
    random = new SplittableRandom(seed);
  }

  public int below(int bound) {
    return random.nextInt(bound);
  }

  public long bits() {
    return random.nextLong();
  }

  public int nextSingle() {
    int sign = random.nextInt() & 0x8000_0000;
    return sign
        | switch (random.nextInt(8)) {
          case 0 -> pick(0, 1, 2, 0x7F_FFFF, 0x80_0000, 0x80_0001, 0x7F7F_FFFF);
          case 1 ->
              pick(0x7F80_0000, 0x7F80_0001, 0x7FBF_FFFF, 0x7FC0_0000, 0x7FC0_1234, 0x7F90_0077);
          case 2 -> random.nextInt() & 0x7F_FFFF;
          case 3 -> Float.floatToRawIntBits(random.nextInt(-1000, 1000) / 2f) & 0x7FFF_FFFF;
          case 4 -> (127 + random.nextInt(-40, 66) << 23) | fraction(23);
          case 5 ->
              (pick(1, 2, 3, 23, 24, 25, 126, 127, 128, 200, 252, 253, 254) << 23) | fraction(23);
          default -> random.nextInt() & 0x7FFF_FFFF;
        };
  }

  public long nextDouble() {
    long sign = random.nextLong() & Long.MIN_VALUE;
    return sign
        | switch (random.nextInt(8)) {
          case 0 ->
              pickLong(0, 1, 2, 0xF_FFFF_FFFF_FFFFL, 0x10_0000_0000_0000L, 0x7FEF_FFFF_FFFF_FFFFL);
          case 1 ->
              pickLong(
                  0x7FF0_0000_0000_0000L,
                  0x7FF0_0000_0000_0001L,
                  0x7FF8_0000_0000_0000L,
                  0x7FF8_1234_0000_5678L,
                  0x7FF4_0000_E000_0000L);
          case 2 -> random.nextLong() & 0xF_FFFF_FFFF_FFFFL;
          case 3 -> Double.doubleToRawLongBits(random.nextInt(-1000, 1000) / 2.0) & Long.MAX_VALUE;
          case 4 -> (1023L + random.nextInt(-80, 80) << 52) | longFraction(52);
          case 5 ->
              (pickLong(
                          1, 2, 3, 52, 53, 54, 874, 896, 897, 1022, 1023, 1024, 1150, 1151, 2044,
                          2045, 2046)
                      << 52)
                  | longFraction(52);
          default -> random.nextLong() & Long.MAX_VALUE;
        };
  }

  /** Sign and exponent of an 80-bit value; call {@link #nextSignificand} with it. */
  public int nextSignExponent() {
    int sign = random.nextInt() & 0x8000;
    return sign
        | switch (random.nextInt(8)) {
          case 0 -> 0;
          case 1 -> 0x7FFF;
          case 2 -> pick(1, 2, 63, 64, 65, 0x7FFE, 0x7FFD, 0x7FC0);
          case 3, 4 -> 16383 + random.nextInt(-70, 70);
          case 5 ->
              16383
                  + pick(-1074, -1023, -1022, -1021, -150, -149, -127, -126, 127, 128, 1023, 1024);
          case 6 -> 16383 + random.nextInt(-3, 4);
          default -> random.nextInt() & 0x7FFF;
        };
  }

  public long nextSignificand(int signExponent) {
    if (random.nextInt(24) == 0) {
      return random.nextLong() & (random.nextBoolean() ? -1 : Long.MAX_VALUE);
    }
    int biased = signExponent & 0x7FFF;
    long top = biased == 0 ? 0 : Long.MIN_VALUE;
    return switch (random.nextInt(4)) {
      case 0 -> top | pickLong(0, 0, 1, Long.MAX_VALUE, 1L << 62, 1L << 62 | 0xFFF, 1L << 61);
      default -> top | longFraction(63);
    };
  }

  public long pickLong(long... values) {
    return values[random.nextInt(values.length)];
  }

  private int pick(int... values) {
    return values[random.nextInt(values.length)];
  }

  private int fraction(int bits) {
    return (int) longFraction(bits);
  }

  /** Often with few bits set at either end, so that exact and half-way cases occur. */
  private long longFraction(int bits) {
    long mask = (1L << bits) - 1;
    long value = random.nextLong() & mask;
    return switch (random.nextInt(5)) {
      case 0 -> value & -1L << bits - random.nextInt(1, bits);
      case 1 -> mask - (value >>> random.nextInt(1, bits));
      case 2 -> value & (1L << random.nextInt(bits)) - 1;
      case 3 -> mask & (3L << random.nextInt(bits));
      default -> value;
    };
  }
}
