package dev.godwit.source;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.snapshot.Section;
import dev.godwit.source.MigrationOptions.Compression;
import dev.godwit.wire.PageBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/**
 * The rounds of a migration: which pages the sink still lacks, and how fast it gets them. One
 * thread.
 */
final class PreCopy implements AutoCloseable {
  /** Rounds with fewer pages say little about the link. */
  private static final long TELLING_PAGES = 128;

  /** From one round's beginning to the next one's, at least. */
  static final long MIN_ROUND_NANOS = 10_000_000;

  private final GuestMemory memory;
  private final StateSink sink;
  private final MigrationOptions options;
  private final ProgressMeter meter;
  private final BooleanSupplier cancelled;
  private final CompressionPolicy compression;
  private final RateLimit limit;
  private final HotPages hot;
  private final GainCounter gain = new GainCounter();

  /** Harvested, and not at the sink. */
  private final PageSet pending;

  /** Harvested since the last round began. */
  private final PageSet dirtied;

  /** Pages that nobody had touched when the first round began; empty after that. */
  private final PageSet untouched;

  /** All that was harvested since the beginning: dirty again if the machine stays. */
  private final PageSet harvested;

  /** By stream; without places if the sink takes no differences. */
  private final List<SentPages> sent = new ArrayList<>();

  private int rounds;
  private long pageBytesPerSecond;

  PreCopy(
      GuestMemory memory,
      StateSink sink,
      MigrationOptions options,
      ProgressMeter meter,
      BooleanSupplier cancelled) {
    this.memory = memory;
    this.sink = sink;
    this.options = options;
    this.meter = meter;
    this.cancelled = cancelled;
    this.compression =
        new CompressionPolicy(sink.takesLz4() ? options.compression() : Compression.OFF);
    this.limit = new RateLimit(options.bandwidthBytesPerSecond(), System.nanoTime());
    this.pending = new PageSet(memory.framePages());
    this.harvested = new PageSet(memory.framePages());
    this.untouched = new PageSet(memory.framePages());
    this.dirtied = new PageSet(memory.framePages());
    this.hot = new HotPages(memory.framePages());
  }

  /** Sends all pages while the guest runs, or all that the sink does not have already. */
  void firstRound() {
    memory.dirty().harvest(harvested);
    // Strictly after that: who touches one of them from now on is found by the next harvest.
    untouched.addAll(memory.untouchedPages());
    pending.addAll(sink.firstPages(memory));
    int streams = sink.streams();
    for (int stream = 0; stream < streams; stream++) {
      long bytes = sink.takesDelta() ? options.deltaCacheBytes() / streams : 0;
      sent.add(new SentPages(bytes, streams));
    }
    send(new PageSet(memory.framePages()));
    untouched.clear();
  }

  private RoundFeed feed(int stream, PageSet pages, boolean last) {
    return new RoundFeed(
        memory,
        pages,
        untouched,
        rounds,
        last,
        sink.batchPages(),
        compression,
        sent.get(stream),
        limit,
        cancelled);
  }

  /**
   * Sends the dirty pages while the guest runs, but for those that it dirties all the time. Not
   * before the last round is a moment ago: when little is left, rounds without a pause between them
   * would cost much and gain nothing.
   */
  void round() {
    long early = MIN_ROUND_NANOS - meter.roundNanos();
    if (early > 0) {
      LockSupport.parkNanos(early);
    }
    harvest();
    hot.roundEnded(dirtied);
    dirtied.clear();
    send(hot.held(pending, budgetPages()));
  }

  /** Returns how many pages the pause has time for. */
  private long budgetPages() {
    long nanos = options.maxDowntime().toNanos() - sink.fixedPauseNanos();
    return nanos <= 0 ? 0 : (long) (nanos / 1e9 * pageBytesPerSecond / PageBatch.PAGE_BYTES);
  }

  /**
   * Sends what {@link #harvest} found, under the lock.
   *
   * @param saving saves the machine's state meanwhile
   */
  List<Section> lastRound(Supplier<List<Section>> saving) {
    PageSet none = new PageSet(memory.framePages());
    Round round = start(none, true);
    List<Section> sections = sink.sendLastPages(round.feeds(), saving);
    end(round, none);
    return sections;
  }

  /** Collects the dirty pages without sending them. */
  void harvest() {
    PageSet found = new PageSet(memory.framePages());
    memory.dirty().harvest(found);
    pending.addAll(found);
    harvested.addAll(found);
    dirtied.addAll(found);
  }

  /** Sends what is pending, but for the pages that are held back. */
  private void send(PageSet held) {
    Round round = start(held, false);
    sink.sendPages(round.feeds());
    end(round, held);
  }

  private Round start(PageSet held, boolean last) {
    pending.removeAll(held);
    Round round =
        Round.of(rounds, last, pending, sent.size(), (stream, part) -> feed(stream, part, last));
    meter.roundStarts(round, held.count());
    compression.roundStarts(System.nanoTime());
    return round;
  }

  private void end(Round round, PageSet held) {
    RoundReport report = meter.roundEnds(round);
    compression.roundEnds(System.nanoTime());
    pending.clear();
    pending.addAll(held);
    rounds++;
    if (report.contentPages() >= TELLING_PAGES || pageBytesPerSecond == 0) {
      pageBytesPerSecond =
          (long) (report.contentPages() * (double) PageBatch.PAGE_BYTES / report.nanos() * 1e9);
    }
    if (!round.last()) {
      gain.roundEnded(leftPages());
    }
  }

  /** Returns how many pages the sink lacks now. */
  private long leftPages() {
    return pending.count() + memory.dirty().countOutside(pending);
  }

  /** Returns what the policy wants to know. */
  ConvergencePolicy.Measured measured() {
    ConvergencePolicy.Measured measured =
        new ConvergencePolicy.Measured(
            rounds,
            gain.roundsWithoutGain(),
            meter.precopyNanos(),
            leftPages(),
            pageBytesPerSecond,
            meter.dirtyPagesPerSecond(),
            sink.fixedPauseNanos(),
            meter.throttlePercent());
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

  /** Forgets what was sent; no round may follow. */
  @Override
  public void close() {
    sent.forEach(SentPages::close);
  }
}
