package dev.godwit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.source.MigrationOptions.OnTimeout;
import dev.godwit.source.SimulatedMigration.Guest;
import dev.godwit.source.SimulatedMigration.Outcome;
import java.time.Duration;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

/** What the policy makes of guests that dirty their memory in different ways. */
class SimulatedGuestsTest {
  /** 1 GiB. */
  private static final int RAM_PAGES = 1 << 18;

  private static MigrationOptions options(int maxDowntimeMillis, OnTimeout onTimeout) {
    return MigrationOptions.DEFAULT
        .withMaxDowntime(Duration.ofMillis(maxDowntimeMillis))
        .withTimeout(Duration.ofSeconds(20), onTimeout);
  }

  private static Outcome move(Supplier<Guest> guest, MigrationOptions options, boolean holdsBack) {
    return new SimulatedMigration(RAM_PAGES, guest.get(), options, holdsBack).run();
  }

  /** Rewrites 6,000 pages all the time, and 200,000 others one after the other. */
  private static Guest hotAndWarm(double warmPagesPerSecond) {
    return SimulatedMigration.both(
        SimulatedMigration.writer(0, 6_000, 50_000_000),
        SimulatedMigration.writer(10_000, 200_000, warmPagesPerSecond));
  }

  @Test
  void holdingBackMakesAGuestConvergeThatDidNot() {
    // 45 ms of pages are 27,450. Sent each time, 6,000 hot pages and what is dirtied meanwhile at
    // 500,000 a second settle at 33,000.
    MigrationOptions options = options(50, OnTimeout.ABORT);
    Outcome plain = move(() -> hotAndWarm(500_000), options, false);
    Outcome held = move(() -> hotAndWarm(500_000), options, true);
    assertFalse(plain.converged(), plain::toString);
    assertTrue(held.converged(), held::toString);
    assertTrue(held.lastPages() <= 27_450, held::toString);
    assertTrue(held.seconds() < 5, held::toString);
    assertEquals(0, held.throttlePercent());
  }

  @Test
  void holdingBackSendsLess() {
    MigrationOptions options = options(40, OnTimeout.ABORT);
    Outcome plain = move(() -> hotAndWarm(400_000), options, false);
    Outcome held = move(() -> hotAndWarm(400_000), options, true);
    assertTrue(plain.converged() && held.converged(), () -> plain + " " + held);
    assertTrue(held.heldPages() > 0, held::toString);
    assertTrue(held.sentPages() < plain.sentPages(), () -> plain + " " + held);
    assertTrue(held.seconds() <= plain.seconds(), () -> plain + " " + held);
  }

  @Test
  void holdingBackDoesNotHarmAGuestThatHasNoHotPages() {
    MigrationOptions options = options(50, OnTimeout.ABORT);
    for (double rate : new double[] {0, 10_000, 100_000, 400_000}) {
      Supplier<Guest> guest = () -> SimulatedMigration.writer(0, 200_000, rate);
      Outcome plain = move(guest, options, false);
      Outcome held = move(guest, options, true);
      assertTrue(plain.converged() && held.converged(), () -> plain + " " + held);
      assertTrue(held.sentPages() <= plain.sentPages(), () -> plain + " " + held);
    }
  }

  /** The scenario in which plain pre-copy never ends: 256 MiB, as fast as the guest can. */
  private static Guest rewriter(double pagesPerSecond) {
    return SimulatedMigration.writer(0, 1 << 16, pagesPerSecond);
  }

  @Test
  void aGuestThatRewritesAllItsWorkingSetConvergesIn20MillisecondsWhenItIsThrottled() {
    for (double rate : new double[] {1e6, 4e6, 1.2e7, 2e7}) {
      Outcome plain = move(() -> rewriter(rate), options(20, OnTimeout.ABORT), true);
      Outcome throttled = move(() -> rewriter(rate), options(20, OnTimeout.THROTTLE), true);
      assertFalse(plain.converged(), plain::toString);
      assertTrue(throttled.converged(), throttled::toString);
      assertTrue(throttled.lastPages() <= 9_150, throttled::toString);
      assertTrue(throttled.seconds() < 3, throttled::toString);
    }
  }

  @Test
  void throttlesAGuestNoMoreThanItTakes() {
    Outcome slow = move(() -> rewriter(8e5), options(20, OnTimeout.THROTTLE), true);
    Outcome fast = move(() -> rewriter(2e7), options(20, OnTimeout.THROTTLE), true);
    assertTrue(slow.throttlePercent() <= 70, slow::toString);
    assertTrue(fast.throttlePercent() > 90, fast::toString);
  }
}
