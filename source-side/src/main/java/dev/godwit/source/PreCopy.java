package dev.godwit.source;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.source.MigrationOptions.Compression;
import dev.godwit.wire.PageBatch;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The rounds of a migration: which pages the sink still lacks, and how fast it gets them. One
 * thread.
 */
final class PreCopy {
  /** Rounds with fewer pages say little about the link. */
  private static final long TELLING_PAGES = 128;

  private static final long MIN_ROUND_NANOS = 10_000_000;

  private final GuestMemory memory;
  private final StateSink sink;
  private final ProgressMeter meter;
  private final BooleanSupplier cancelled;
  private final CompressionPolicy compression;
  private final RateLimit limit;

  /** Harvested, and not at the sink. */
  private final PageSet pending;

  /** All that was harvested since the beginning: dirty again if the machine stays. */
  private final PageSet harvested;

  private int rounds;
  private long roundStartNanos;
  private long pageBytesPerSecond;

  PreCopy(
      GuestMemory memory,
      StateSink sink,
      MigrationOptions options,
      ProgressMeter meter,
      BooleanSupplier cancelled) {
    this.memory = memory;
    this.sink = sink;
    this.meter = meter;
    this.cancelled = cancelled;
    this.compression =
        new CompressionPolicy(sink.takesLz4() ? options.compression() : Compression.OFF);
    this.limit = new RateLimit(options.bandwidthBytesPerSecond(), System.nanoTime());
    this.pending = new PageSet(memory.framePages());
    this.harvested = new PageSet(memory.framePages());
  }

  /** Sends all pages while the guest runs. */
  void firstRound() {
    memory.dirty().harvest(harvested);
    pending.addAll(memory.allPages());
    send(false);
  }

  /**
   * Sends the dirty pages while the guest runs. Not before the last round is a moment ago: when
   * little is left, rounds without a pause between them would cost much and gain nothing.
   */
  void round() {
    long early = MIN_ROUND_NANOS - (System.nanoTime() - roundStartNanos);
    if (early > 0) {
      LockSupport.parkNanos(early);
    }
    harvest();
    send(false);
  }

  /** Sends what {@link #harvest} found, under the lock. */
  void lastRound() {
    send(true);
  }

  /** Collects the dirty pages without sending them. */
  void harvest() {
    PageSet found = new PageSet(memory.framePages());
    memory.dirty().harvest(found);
    pending.addAll(found);
    harvested.addAll(found);
  }

  private void send(boolean last) {
    Round round =
        Round.of(
            rounds,
            last,
            pending,
            sink.streams(),
            part -> new RoundFeed(memory, part, rounds, last, compression, limit, cancelled));
    meter.roundStarts(round);
    roundStartNanos = System.nanoTime();
    sink.sendPages(round.feeds());
    RoundReport report = meter.roundEnds(round);
    pending.clear();
    rounds++;
    if (report.contentPages() >= TELLING_PAGES || pageBytesPerSecond == 0) {
      pageBytesPerSecond =
          (long) (report.contentPages() * (double) PageBatch.PAGE_BYTES / report.nanos() * 1e9);
    }
  }

  /**
   * Returns what the policy wants to know.
   *
   * @param throttlePercent how much the vCPUs are throttled
   */
  ConvergencePolicy.Measured measured(int throttlePercent) {
    ConvergencePolicy.Measured measured =
        new ConvergencePolicy.Measured(
            rounds,
            meter.precopyNanos(),
            pending.count() + memory.dirty().count(),
            pageBytesPerSecond,
            meter.dirtyPagesPerSecond(),
            sink.fixedPauseNanos(),
            throttlePercent);
    meter.expected(measured.expectedNanos());
    return measured;
  }

  /**
   * Marks everything that was ever harvested: the machine stays, and who tracks it next must not
   * miss a page.
   */
  void mergeBack() {
    memory.dirty().mergeBack(harvested);
  }
}
