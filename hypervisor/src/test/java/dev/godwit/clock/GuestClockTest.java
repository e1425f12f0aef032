package dev.godwit.clock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class GuestClockTest {
  private final GuestClock clock = new GuestClock(System::nanoTime, 1_000_000_000L);

  @AfterEach
  void close() {
    clock.close();
  }

  @Test
  void tellsWhichTimerFailedAndFiresNoOther() throws Exception {
    CompletableFuture<String> failed = new CompletableFuture<>();
    AtomicBoolean fired = new AtomicBoolean();
    clock.onFailure((timer, failure) -> failed.complete(timer + ": " + failure.getMessage()));
    clock
        .timer(
            "broken",
            () -> {
              throw new AssertionError("a defect");
            })
        .arm(0);
    clock.timer("sound", () -> fired.set(true)).arm(50_000_000);
    clock.thaw(0);
    assertEquals("broken: a defect", failed.get());
    Thread.sleep(100);
    assertFalse(fired.get(), "a timer of a machine that has failed fired");
  }

  @Test
  void saysWhenTheNextTimerFires() {
    assertEquals(Long.MAX_VALUE, clock.untilNextTimerNanos());
    clock.timer("later", () -> {}).arm(70_000);
    GuestClock.Timer sooner = clock.timer("sooner", () -> {});
    sooner.arm(50_000);
    assertEquals(50_000, clock.untilNextTimerNanos());
    sooner.cancel();
    clock.restore(90_000);
    assertEquals(-20_000, clock.untilNextTimerNanos());
  }

  /** Whoever locks the machine must not wait for an action that is never going to end. */
  @Test
  void canBeFrozenAfterATimerFailed() throws Exception {
    CompletableFuture<String> failed = new CompletableFuture<>();
    clock.onFailure((timer, failure) -> failed.complete(timer));
    clock
        .timer(
            "broken",
            () -> {
              throw new IllegalStateException("a defect");
            })
        .arm(0);
    clock.thaw(0);
    failed.get();
    clock.freeze();
    long nanos = clock.nowNanos();
    assertEquals(nanos, clock.nowNanos());
  }
}
