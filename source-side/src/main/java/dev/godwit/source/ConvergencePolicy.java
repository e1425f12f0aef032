package dev.godwit.source;

import dev.godwit.source.MigrationOptions.OnTimeout;
import dev.godwit.wire.PageBatch;

/**
 * Decides after each round whether the guest goes on running for another one or is stopped for the
 * rest. Pure: what was measured in, a decision out.
 */
final class ConvergencePolicy {
  private final MigrationOptions options;

  ConvergencePolicy(MigrationOptions options) {
    this.options = options;
  }

  /**
   * What was measured.
   *
   * @param rounds rounds done, ≥ 1
   * @param elapsedNanos since the first page
   * @param dirtyPages pages that the sink does not have yet
   * @param pageBytesPerSecond how fast pages reach the sink; 0 if that is not known
   * @param dirtyPagesPerSecond how fast the guest dirties pages
   * @param fixedNanos what the pause takes without a single page
   */
  record Measured(
      int rounds,
      long elapsedNanos,
      long dirtyPages,
      long pageBytesPerSecond,
      long dirtyPagesPerSecond,
      long fixedNanos) {
    /** Returns how long the pause would be now. */
    long expectedNanos() {
      return fixedNanos
          + (pageBytesPerSecond == 0
              ? 0
              : (long) (dirtyPages * (double) PageBatch.PAGE_BYTES / pageBytesPerSecond * 1e9));
    }
  }

  /** What to do. */
  sealed interface Decision {
    /** The guest goes on; its dirty pages are sent meanwhile. */
    record AnotherRound() implements Decision {}

    /**
     * The guest is stopped.
     *
     * @param whateverItTakes whether the pause may be longer than the user allowed
     */
    record Stop(boolean whateverItTakes) implements Decision {}

    /**
     * The guest does not converge.
     *
     * @param why a sentence for the user
     */
    record GiveUp(String why) implements Decision {}
  }

  /** Returns what to do after a round. */
  Decision decide(Measured measured) {
    if (measured.expectedNanos() <= options.maxDowntime().toNanos()) {
      return new Decision.Stop(false);
    }
    boolean outOfRounds = measured.rounds() >= options.maxRounds();
    if (!outOfRounds && measured.elapsedNanos() < options.timeout().toNanos()) {
      return new Decision.AnotherRound();
    }
    if (options.onTimeout() == OnTimeout.STOP) {
      return new Decision.Stop(true);
    }
    return new Decision.GiveUp(
        ("the guest does not converge: after %d rounds and %.1f s, %d pages are still to be sent,"
                + " it dirties %d pages a second, and the pause would be %.0f ms where %d ms are"
                + " allowed; allow more with --max-downtime or say --on-timeout stop")
            .formatted(
                measured.rounds(),
                measured.elapsedNanos() / 1e9,
                measured.dirtyPages(),
                measured.dirtyPagesPerSecond(),
                measured.expectedNanos() / 1e6,
                options.maxDowntime().toMillis()));
  }
}
