package dev.godwit.source;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.memory.GuestMemory;
import dev.godwit.source.MigrationProgress.Phase;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whom a pause is told to, and when. */
class ProgressMeterTest {
  private static final Duration LONG = Duration.ofHours(1);
  private static final long BRIEF_MILLIS = 80;

  private final List<Phase> told = new CopyOnWriteArrayList<>();
  private final GuestMemory memory = GuestMemory.allocate(1 << 20);

  @AfterEach
  void free() {
    memory.close();
  }

  /** Returns that of a migration whose guest has just been stopped. */
  private ProgressMeter stopped(Duration tick) {
    ProgressMeter meter =
        new ProgressMeter(memory.dirty(), progress -> told.add(progress.phase()), tick);
    meter.start();
    meter.phase(Phase.PRECOPY);
    await().until(() -> told.contains(Phase.PRECOPY));
    meter.stopping(0);
    meter.stopped(0);
    return meter;
  }

  private void ends(ProgressMeter meter) {
    meter.phase(Phase.DONE);
    meter.awaitTold();
    assertEquals(Phase.DONE, told.getLast());
  }

  @Test
  void disturbsNobodyWhileTheGuestStandsStill() throws InterruptedException {
    ProgressMeter meter = stopped(LONG);
    meter.phase(Phase.COMMITTING);
    Thread.sleep(BRIEF_MILLIS);
    assertFalse(told.contains(Phase.STOPPED) || told.contains(Phase.COMMITTING), told::toString);
    ends(meter);
  }

  @Test
  void tellsOfAGuestThatStandsStillForLong() {
    ProgressMeter meter = stopped(Duration.ofMillis(BRIEF_MILLIS));
    await().until(() -> told.contains(Phase.STOPPED));
    ends(meter);
  }

  @Test
  void tellsAtOnceThatTheAnswerIsMissing() {
    ProgressMeter meter = stopped(LONG);
    meter.phase(Phase.COMMITTING);
    meter.waiting("the connection broke");
    await().until(() -> told.contains(Phase.WAITING_FOR_ANSWER));
    assertFalse(told.contains(Phase.COMMITTING), told::toString);
    ends(meter);
  }

  @Test
  void tellsAtOnceThatTheGuestGoesOn() {
    ProgressMeter meter = stopped(LONG);
    int before = told.size();
    meter.phase(Phase.PRECOPY);
    await().until(() -> told.size() > before);
    ends(meter);
  }

  /** Returns the downtime of a machine that stood for so long, as was said by who took it. */
  private Downtime taken(long stoppedNanos) throws InterruptedException {
    ProgressMeter meter = stopped(LONG);
    meter.pagesSent();
    meter.prepared();
    Thread.sleep(BRIEF_MILLIS);
    meter.taken(stoppedNanos);
    meter.wentOn();
    ends(meter);
    return meter.report("m", 0).downtime();
  }

  @Test
  void countsThePauseOnlyUntilTheMachineRanElsewhere() throws InterruptedException {
    long ran = Duration.ofMillis(BRIEF_MILLIS / 2).toNanos();
    Downtime downtime = taken(ran);
    assertTrue(Math.abs(downtime.totalNanos() - ran) < ran / 2, downtime::toString);
  }

  @Test
  void believesNoPauseThatEndedBeforeOrAfterItCan() throws InterruptedException {
    assertEquals(0, taken(1).commitNanos());
    long heard = taken(Long.MAX_VALUE / 2).commitNanos();
    assertTrue(heard < Duration.ofSeconds(20).toNanos(), () -> heard + " ns");
  }

  @Test
  void countsThePauseUntilTheAnswerIfNothingIsSaid() throws InterruptedException {
    assertTrue(taken(0).commitNanos() >= Duration.ofMillis(BRIEF_MILLIS).toNanos());
  }
}
