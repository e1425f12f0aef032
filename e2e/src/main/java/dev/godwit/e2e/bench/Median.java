package dev.godwit.e2e.bench;

import java.util.Arrays;

/** The median: the mean of the two in the middle where their number is even. */
final class Median {
  private Median() {}

  /** Returns the median of some numbers, which are left as they are; NaN if there are none. */
  static double of(double... values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted.length == 0
        ? Double.NaN
        : (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
  }
}
