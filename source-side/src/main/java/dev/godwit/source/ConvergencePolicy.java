package dev.godwit.source;

import dev.godwit.source.MigrationOptions.OnTimeout;
import dev.godwit.wire.PageBatch;

/**
 * Decides after each round whether the guest goes on running for another one or is stopped for the
 * rest. Pure: what was measured in, a decision out.
 */
final class ConvergencePolicy {
  /** So long the link is given to show how fast it answers; the best of its answers counts. */
  private static final long SETTLE_NANOS = 3_000_000_000L;

  /**
   * After so many rounds that gained nothing a guest that may be slowed down is: waiting for the
   * end of the time would only send more in vain.
   */
  private static final int STUCK_ROUNDS = 3;

  /** With this share of the link each round leaves half of the one before. */
  private static final double CONVERGING_SHARE = 0.5;

  /**
   * Of the time in which the vCPUs still run, a step takes this from them at least, and at most:
   * one round may have been measured at a bad moment, and a guest is not sped up again.
   */
  private static final double LEAST_STEP = 1.0 / 3;

  private static final double GREATEST_STEP = 2.0 / 3;

  /** What a round must take off the pause to be worth its time, before a guest is stopped. */
  private static final long WORTHWHILE_NANOS = 250_000;

  /** So long a guest that may be stopped is waited for until it is idle, at most. */
  private static final long QUIET_PATIENCE_NANOS = 20_000_000;

  /** By what the pages that it dirties meanwhile may lengthen the pause, if that is allowed. */
  private static final long QUIET_COST_NANOS = 500_000;

  private final MigrationOptions options;

  ConvergencePolicy(MigrationOptions options) {
    this.options = options;
  }

  /**
   * What was measured.
   *
   * @param rounds rounds done, ≥ 1
   * @param roundsWithoutGain rounds since what is left was last clearly less than ever before
   * @param elapsedNanos since the first page
   * @param dirtyPages pages that the sink does not have yet
   * @param pageBytesPerSecond how fast pages reach the sink; 0 if that is not known
   * @param dirtyPagesPerSecond how fast the guest dirties pages
   * @param fixedNanos what the pause takes without a single page
   * @param throttlePercent how much the vCPUs were throttled in the last round
   */
  record Measured(
      int rounds,
      int roundsWithoutGain,
      long elapsedNanos,
      long dirtyPages,
      long pageBytesPerSecond,
      long dirtyPagesPerSecond,
      long fixedNanos,
      int throttlePercent) {
    /**
     * Says whether the guest dirties pages so much slower than they are sent that rounds shrink.
     */
    boolean converges() {
      return dirtyShare() <= CONVERGING_SHARE;
    }

    /**
     * Returns the share of the link that the pages take which the guest dirties; 1 is all of it.
     */
    double dirtyShare() {
      return pageBytesPerSecond == 0
          ? 0
          : (double) dirtyPagesPerSecond * PageBatch.PAGE_BYTES / pageBytesPerSecond;
    }

    /** Returns how long the pause would be now. */
    long expectedNanos() {
      return fixedNanos + nanos(dirtyPages);
    }

    /** Returns by how much another round would shorten it, or negative. */
    long gainNanos() {
      long roundNanos = Math.max(nanos(dirtyPages), PreCopy.MIN_ROUND_NANOS);
      return nanos(dirtyPages) - nanos(dirtyPagesPerSecond * (roundNanos / 1e9));
    }

    private long nanos(double pages) {
      return pageBytesPerSecond == 0
          ? 0
          : (long) (pages * PageBatch.PAGE_BYTES / pageBytesPerSecond * 1e9);
    }
  }

  /** What to do. */
  sealed interface Decision {
    /**
     * The guest goes on; its dirty pages are sent meanwhile.
     *
     * @param throttlePercent share of the time in which its vCPUs are made to stand, 0 to 99
     */
    record AnotherRound(int throttlePercent) implements Decision {}

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
    boolean hopeless =
        measured.fixedNanos() > options.maxDowntime().toNanos()
            && measured.elapsedNanos() >= SETTLE_NANOS;
    boolean over =
        measured.rounds() >= options.maxRounds()
            || measured.elapsedNanos() >= options.timeout().toNanos();
    boolean mayThrottle =
        options.onTimeout() == OnTimeout.THROTTLE
            && !hopeless
            && measured.elapsedNanos() < 2 * options.timeout().toNanos();
    boolean throttles =
        over
            || measured.throttlePercent() > 0
            || (measured.roundsWithoutGain() >= STUCK_ROUNDS
                && measured.fixedNanos() <= options.maxDowntime().toNanos());
    if (mayThrottle && throttles) {
      boolean helps =
          measured.throttlePercent() > 0
              && measured.converges()
              && measured.roundsWithoutGain() < STUCK_ROUNDS;
      return new Decision.AnotherRound(helps ? measured.throttlePercent() : nextThrottle(measured));
    }
    if (!hopeless && !over) {
      return new Decision.AnotherRound(0);
    }
    if (options.onTimeout() == OnTimeout.STOP) {
      return new Decision.Stop(true);
    }
    return new Decision.GiveUp(hopeless ? tooFarAway(measured) : doesNotConverge(measured));
  }

  /**
   * Says whether the guest, though it may be stopped now, should go on for another round: one that
   * halves what is left makes the pause shorter by more than it makes the migration longer. Never
   * without end, since each must gain.
   */
  boolean anotherRoundPays(Measured measured) {
    return measured.converges()
        && measured.roundsWithoutGain() == 0
        && measured.gainNanos() >= WORTHWHILE_NANOS
        && measured.rounds() < options.maxRounds()
        && measured.elapsedNanos() < options.timeout().toNanos();
  }

  /**
   * Returns how long it is worth waiting for a moment in which the guest has nothing to do, before
   * it is stopped: what it dirties meanwhile makes the pause longer. 0 where that is too long
   * already.
   */
  long quietPatienceNanos(Measured measured) {
    long room = options.maxDowntime().toNanos() - measured.expectedNanos();
    if (room < 0) {
      return 0;
    }
    double cost = measured.dirtyShare();
    return cost == 0
        ? QUIET_PATIENCE_NANOS
        : (long) Math.min(QUIET_PATIENCE_NANOS, Math.min(QUIET_COST_NANOS, room / 2) / cost);
  }

  /**
   * Returns the next step: what makes the guest converge if it goes on as it was measured, and
   * dirties fewer pages in as much as its vCPUs stand more. A guest that dirties all of its working
   * set in each round is faster than it looks, and takes further steps.
   */
  private int nextThrottle(Measured measured) {
    int running = 100 - measured.throttlePercent();
    double enough = measured.converges() ? 0 : 1 - CONVERGING_SHARE / measured.dirtyShare();
    int step = (int) (running * Math.clamp(enough, LEAST_STEP, GREATEST_STEP));
    return Math.min(options.maxThrottlePercent(), measured.throttlePercent() + Math.max(1, step));
  }

  private String tooFarAway(Measured measured) {
    return "the pause would be %.0f ms without a single page, where %d ms are allowed: the link or one of the hosts is too slow; allow more with --max-downtime"
        .formatted(measured.fixedNanos() / 1e6, options.maxDowntime().toMillis());
  }

  private String doesNotConverge(Measured measured) {
    return "the guest does not converge: after %d rounds and %.1f s, %d pages are still to be sent, it dirties %d pages a second, and the pause would be %.0f ms where %d ms are allowed; allow more with --max-downtime"
        .formatted(
            measured.rounds(),
            measured.elapsedNanos() / 1e9,
            measured.dirtyPages(),
            measured.dirtyPagesPerSecond(),
            measured.expectedNanos() / 1e6,
            options.maxDowntime().toMillis());
  }
}
