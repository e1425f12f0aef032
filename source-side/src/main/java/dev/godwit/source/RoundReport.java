package dev.godwit.source;

/**
 * What a round was.
 *
 * @param round its number
 * @param pages pages sent
 * @param zeroPages how many of them were zero
 * @param wireBytes bytes of page content, as they were encoded
 * @param deltaPages pages sent as differences, unchanged ones included
 * @param deltaSavedBytes how many bytes less those were
 * @param heldPages pages that were held back, though they were dirty: each would have been sent
 * @param nanos how long it took, until the sink had all of it
 * @param dirtyPages pages that the guest had dirtied meanwhile; 0 in the last round, under the lock
 */
public record RoundReport(
    int round,
    long pages,
    long zeroPages,
    long wireBytes,
    long deltaPages,
    long deltaSavedBytes,
    long heldPages,
    long nanos,
    long dirtyPages) {
  /** Returns pages with content. */
  public long contentPages() {
    return pages - zeroPages;
  }

  /** Returns how fast the guest dirtied pages. */
  public long dirtyPagesPerSecond() {
    return nanos == 0 ? 0 : (long) (dirtyPages * 1e9 / nanos);
  }
}
