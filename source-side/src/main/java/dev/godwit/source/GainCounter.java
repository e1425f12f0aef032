package dev.godwit.source;

/** Counts rounds that gained nothing. Pure; not thread-safe. */
final class GainCounter {
  private long fewestPages = Long.MAX_VALUE;
  private int roundsWithoutGain;

  /**
   * Takes note of a round: it gains if it leaves at least a tenth less than any before.
   *
   * @param leftPages what the sink lacks after it
   */
  void roundEnded(long leftPages) {
    if (leftPages <= fewestPages - fewestPages / 10) {
      roundsWithoutGain = 0;
      fewestPages = leftPages;
    } else {
      roundsWithoutGain++;
    }
  }

  /** Returns how many rounds there were since the last that gained. */
  int roundsWithoutGain() {
    return roundsWithoutGain;
  }
}
