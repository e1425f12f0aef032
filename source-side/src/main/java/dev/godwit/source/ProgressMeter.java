package dev.godwit.source;

import dev.godwit.memory.DirtyMap;
import dev.godwit.source.MigrationProgress.Phase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.jspecify.annotations.Nullable;

/**
 * Counts and times a migration, and tells its listener. Any thread reads; the migration's thread
 * writes.
 */
final class ProgressMeter {
  private static final Duration TICK = Duration.ofMillis(200);
  private static final Duration TELL_LIMIT = Duration.ofSeconds(1);

  private final DirtyMap dirty;
  private final MigrationListener listener;
  private final Duration tick;
  private final List<RoundReport> rounds = new ArrayList<>();

  private @Nullable Thread teller;
  private boolean changed;

  /** The guest has been stopped, and it is not yet known what becomes of it. */
  private boolean standsStill;

  private Phase phase = Phase.IDLE;
  private String detail = "";
  private @Nullable Round round;
  private long heldPages;
  private long roundStartNanos;
  private long expectedNanos;
  private int throttlePercent;
  private long startNanos;
  private long precopyNanos;
  private long stoppingNanos;
  private long stoppingGuestNanos;
  private long frozenNanos;
  private long stoppedNanos;
  private long pagesSentNanos;
  private long preparedNanos;
  private long wentOnNanos;
  private long endNanos;

  ProgressMeter(DirtyMap dirty, MigrationListener listener) {
    this(dirty, listener, TICK);
  }

  /**
   * @param tick how often the listener is called when there is no news
   */
  ProgressMeter(DirtyMap dirty, MigrationListener listener, Duration tick) {
    this.dirty = dirty;
    this.listener = listener;
    this.tick = tick;
  }

  /**
   * Begins; the listener is called now and then until {@link Phase#DONE} or {@link Phase#FAILED}.
   */
  void start() {
    startNanos = System.nanoTime();
    phase(Phase.PREFLIGHT);
    teller = Thread.ofVirtual().name("migration-progress").start(this::tell);
  }

  /**
   * The one thread that calls the listener: a slow one must not lengthen the pause. While the guest
   * stands still, nothing is told at all for a tick: a pause is shorter than that as a rule, and
   * whoever listens would want a CPU just then.
   */
  private void tell() {
    boolean last;
    do {
      MigrationProgress now;
      synchronized (this) {
        try {
          awaitNews();
        } catch (InterruptedException e) {
          return;
        }
        changed = false;
        now = progress();
        last = over();
      }
      listener.progress(now);
    } while (!last);
  }

  /** Returns when there is news, or a tick after the guest was stopped, or after it was called. */
  private void awaitNews() throws InterruptedException {
    long calledNanos = System.nanoTime();
    while (standsStill || !changed) {
      long now = System.nanoTime();
      long sinceNanos =
          standsStill ? Math.min(now - stoppingNanos, now - calledNanos) : now - calledNanos;
      long leftMillis = tick.toMillis() - sinceNanos / 1_000_000;
      if (leftMillis <= 0) {
        return;
      }
      wait(leftMillis);
    }
  }

  private boolean over() {
    return phase == Phase.DONE || phase == Phase.FAILED;
  }

  /** Waits until the listener knows how it ended. */
  void awaitTold() {
    Thread thread = teller;
    if (thread != null) {
      try {
        thread.join(TELL_LIMIT);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  void phase(Phase next) {
    enter(next, "");
  }

  void waiting(String why) {
    enter(Phase.WAITING_FOR_ANSWER, why);
  }

  void failed(MigrationException why) {
    enter(Phase.FAILED, String.valueOf(why.getMessage()));
  }

  private synchronized void enter(Phase next, String why) {
    phase = next;
    detail = why;
    if (next == Phase.PRECOPY && precopyNanos == 0) {
      precopyNanos = System.nanoTime();
    }
    if (over()) {
      endNanos = System.nanoTime();
    }
    standsStill &= next == Phase.STOPPED || next == Phase.COMMITTING;
    news();
  }

  private void news() {
    changed = true;
    if (!standsStill) {
      notifyAll();
    }
  }

  /**
   * The lock of all vCPUs is about to be taken.
   *
   * @param guestNanos guest time now
   */
  synchronized void stopping(long guestNanos) {
    stoppingNanos = System.nanoTime();
    stoppingGuestNanos = guestNanos;
    standsStill = true;
  }

  /**
   * The lock has been taken.
   *
   * @param guestNanos guest time, which stands still
   */
  synchronized void stopped(long guestNanos) {
    stoppedNanos = System.nanoTime();
    frozenNanos = stoppingNanos + (guestNanos - stoppingGuestNanos);
    phase(Phase.STOPPED);
  }

  synchronized void pagesSent() {
    pagesSentNanos = System.nanoTime();
  }

  synchronized void prepared() {
    preparedNanos = System.nanoTime();
  }

  synchronized void wentOn() {
    if (wentOnNanos == 0) {
      wentOnNanos = System.nanoTime();
    }
    standsStill = false;
  }

  /**
   * Says that the machine goes on elsewhere.
   *
   * @param stoppedNanos for how long it stood, as was said there: it ran before that was heard
   *     here. 0 if nothing was said
   */
  synchronized void taken(long stoppedNanos) {
    if (stoppedNanos != 0) {
      wentOnNanos = Math.clamp(frozenNanos + stoppedNanos, preparedNanos, System.nanoTime());
    }
  }

  /** Returns how long guest time has stood still. */
  synchronized long frozenNanos() {
    return System.nanoTime() - frozenNanos;
  }

  synchronized long precopyNanos() {
    return System.nanoTime() - precopyNanos;
  }

  synchronized void throttled(int percent) {
    throttlePercent = percent;
    news();
  }

  /** Returns how much of their time the vCPUs are made to stand. */
  synchronized int throttlePercent() {
    return throttlePercent;
  }

  synchronized void expected(long nanos) {
    expectedNanos = nanos;
  }

  /**
   * A round begins.
   *
   * @param heldBack pages that are not sent in it, though they are dirty
   */
  synchronized void roundStarts(Round next, long heldBack) {
    round = next;
    heldPages = heldBack;
    roundStartNanos = System.nanoTime();
    news();
  }

  synchronized RoundReport roundEnds(Round ended) {
    RoundReport report =
        new RoundReport(
            ended.number(),
            ended.sentPages(),
            ended.zeroPages(),
            ended.wireBytes(),
            ended.deltaPages(),
            ended.deltaSavedBytes(),
            heldPages,
            Math.max(1, roundNanos()),
            ended.last() ? 0 : dirty.count());
    rounds.add(report);
    round = null;
    return report;
  }

  /** Returns how long ago the current round began, or the last one. */
  synchronized long roundNanos() {
    return System.nanoTime() - roundStartNanos;
  }

  synchronized long dirtyPagesPerSecond() {
    return rounds.isEmpty() ? 0 : rounds.getLast().dirtyPagesPerSecond();
  }

  synchronized long pages() {
    return total(RoundReport::pages);
  }

  synchronized long zeroPages() {
    return total(RoundReport::zeroPages);
  }

  private long total(ToLongFunction<RoundReport> what) {
    return rounds.stream().mapToLong(what).sum();
  }

  synchronized MigrationProgress progress() {
    long pages = pages();
    long zeroPages = zeroPages();
    long wireBytes = total(RoundReport::wireBytes);
    long deltaPages = total(RoundReport::deltaPages);
    long deltaSavedBytes = total(RoundReport::deltaSavedBytes);
    long held = total(RoundReport::heldPages);
    long rate = rounds.isEmpty() ? 0 : rate(rounds.getLast().wireBytes(), rounds.getLast().nanos());
    long remaining = rounds.isEmpty() ? 0 : rounds.getLast().dirtyPages();
    Round current = round;
    if (current != null) {
      pages += current.sentPages();
      zeroPages += current.zeroPages();
      wireBytes += current.wireBytes();
      deltaPages += current.deltaPages();
      deltaSavedBytes += current.deltaSavedBytes();
      held += heldPages;
      rate = rate(current.wireBytes(), roundNanos());
      remaining = current.remainingPages();
    }
    return new MigrationProgress(
        phase,
        rounds.size() - (current == null && !rounds.isEmpty() ? 1 : 0),
        pages,
        zeroPages,
        wireBytes,
        rate,
        remaining,
        dirtyPagesPerSecond(),
        throttlePercent,
        deltaPages,
        deltaSavedBytes,
        held,
        expectedNanos,
        (endNanos == 0 ? System.nanoTime() : endNanos) - startNanos,
        detail);
  }

  private static long rate(long bytes, long nanos) {
    return nanos <= 0 ? 0 : (long) (bytes * 1e9 / nanos);
  }

  synchronized MigrationReport report(String machineName, long digest) {
    return new MigrationReport(
        machineName,
        rounds,
        new Downtime(
            stoppedNanos - stoppingNanos,
            pagesSentNanos - stoppedNanos,
            preparedNanos - pagesSentNanos,
            wentOnNanos - preparedNanos,
            expectedNanos),
        endNanos - startNanos,
        digest);
  }
}
