package dev.godwit.source;

import java.util.List;

/**
 * What a migration or snapshot was.
 *
 * @param machineName the machine
 * @param rounds its rounds, the last one under the lock
 * @param downtime how long the machine stood still
 * @param totalNanos how long everything took
 * @param ramDigest the digest of RAM under the lock; 0 when it was not taken
 */
public record MigrationReport(
    String machineName,
    List<RoundReport> rounds,
    Downtime downtime,
    long totalNanos,
    long ramDigest) {
  /** Copies the list. */
  public MigrationReport {
    rounds = List.copyOf(rounds);
  }

  /** Returns pages sent in all rounds. */
  public long pages() {
    return rounds.stream().mapToLong(RoundReport::pages).sum();
  }

  /** Returns how many pages were zero, in all rounds. */
  public long zeroPages() {
    return rounds.stream().mapToLong(RoundReport::zeroPages).sum();
  }

  /** Returns pages sent as differences, unchanged ones included, in all rounds. */
  public long deltaPages() {
    return rounds.stream().mapToLong(RoundReport::deltaPages).sum();
  }

  /** Returns how many bytes less those were. */
  public long deltaSavedBytes() {
    return rounds.stream().mapToLong(RoundReport::deltaSavedBytes).sum();
  }

  /**
   * Returns how many times a page was held back: as many pages would have been sent only to be sent
   * again.
   */
  public long heldPages() {
    return rounds.stream().mapToLong(RoundReport::heldPages).sum();
  }

  /** Returns bytes of page content, after compression. */
  public long wireBytes() {
    return rounds.stream().mapToLong(RoundReport::wireBytes).sum();
  }
}
