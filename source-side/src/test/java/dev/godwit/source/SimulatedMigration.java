package dev.godwit.source;

import dev.godwit.memory.PageSet;
import dev.godwit.source.ConvergencePolicy.Decision;
import dev.godwit.source.ConvergencePolicy.Measured;
import dev.godwit.wire.PageBatch;

/** The rounds of a migration, with a guest, a link and a time that are numbers. */
final class SimulatedMigration {
  /** 2.5 GB/s. */
  static final double LINK_PAGES_PER_SECOND = 610_000;

  private static final double MIN_ROUND_SECONDS = 0.01;
  private static final long FIXED_NANOS = 5_000_000;

  /** A guest's writes. */
  interface Guest {
    /** Lets it run for so long. */
    void run(double seconds, PageSet dirty);
  }

  /** How it ended. */
  record Outcome(
      boolean converged,
      double seconds,
      int rounds,
      long sentPages,
      long heldPages,
      long lastPages,
      int throttlePercent) {}

  private final int ramPages;
  private final Guest guest;
  private final MigrationOptions options;
  private final boolean holdsBack;

  SimulatedMigration(int ramPages, Guest guest, MigrationOptions options, boolean holdsBack) {
    this.ramPages = ramPages;
    this.guest = guest;
    this.options = options;
    this.holdsBack = holdsBack;
  }

  Outcome run() {
    ConvergencePolicy policy = new ConvergencePolicy(options);
    HotPages hot = new HotPages(ramPages);
    GainCounter gain = new GainCounter();
    PageSet pending = new PageSet(ramPages);
    pending.addRange(0, ramPages);
    PageSet dirty = new PageSet(ramPages);
    long budget =
        (long) ((options.maxDowntime().toNanos() - FIXED_NANOS) / 1e9 * LINK_PAGES_PER_SECOND);
    double now = 0;
    long sent = 0;
    long heldPages = 0;
    int throttle = 0;
    PageSet held = new PageSet(ramPages);
    for (int rounds = 1; ; rounds++) {
      pending.removeAll(held);
      long pages = pending.count();
      double seconds = pages / LINK_PAGES_PER_SECOND;
      guest.run(seconds * (100 - throttle) / 100, dirty);
      now += seconds;
      sent += pages;
      heldPages += held.count();
      long dirtied = dirty.count();
      pending.clear();
      pending.addAll(held);
      gain.roundEnded(union(pending, dirty));
      Measured measured =
          new Measured(
              rounds,
              gain.roundsWithoutGain(),
              (long) (now * 1e9),
              union(pending, dirty),
              (long) (LINK_PAGES_PER_SECOND * PageBatch.PAGE_BYTES),
              seconds == 0 ? 0 : (long) (dirtied / seconds),
              FIXED_NANOS,
              throttle);
      switch (policy.decide(measured)) {
        case Decision.Stop stop -> {
          return new Outcome(true, now, rounds, sent, heldPages, measured.dirtyPages(), throttle);
        }
        case Decision.GiveUp giveUp -> {
          return new Outcome(false, now, rounds, sent, heldPages, measured.dirtyPages(), throttle);
        }
        case Decision.AnotherRound(int percent) -> throttle = percent;
      }
      double early = MIN_ROUND_SECONDS - seconds;
      if (early > 0) {
        guest.run(early * (100 - throttle) / 100, dirty);
        now += early;
      }
      hot.roundEnded(dirty);
      pending.addAll(dirty);
      dirty.clear();
      held = holdsBack ? hot.held(pending, budget) : new PageSet(ramPages);
    }
  }

  private static long union(PageSet a, PageSet b) {
    PageSet both = new PageSet(a.capacityPages());
    both.addAll(a);
    both.addAll(b);
    return both.count();
  }

  /** Goes round a working set, so many pages a second. */
  static Guest writer(int firstPage, int pages, double pagesPerSecond) {
    return new Guest() {
      private double position;

      @Override
      public void run(double seconds, PageSet dirty) {
        double end = position + Math.min(pages, seconds * pagesPerSecond);
        for (long page = (long) position; page < (long) end; page++) {
          dirty.add(firstPage + page % pages);
        }
        position = end % pages;
      }
    };
  }

  static Guest both(Guest one, Guest other) {
    return (seconds, dirty) -> {
      one.run(seconds, dirty);
      other.run(seconds, dirty);
    };
  }
}
