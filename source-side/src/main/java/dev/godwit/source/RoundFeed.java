package dev.godwit.source;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageScanner;
import dev.godwit.memory.PageSet;
import dev.godwit.wire.PageBatch;
import dev.godwit.wire.PageEncoding;
import dev.godwit.wire.PageRun;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One round's pages for one stream, classified as they are pulled. A page is looked at after its
 * mark was cleared, so whatever the guest writes to it later is in the next round.
 */
final class RoundFeed implements PageFeed {
  /**
   * Pages that one pull looks at, at most: a network thread does it, which must not be away for
   * long.
   */
  private static final int MAX_SCANNED_PAGES = 4096;

  private final GuestMemory memory;
  private final PageSet pages;
  private final PageSet untouched;
  private final int round;
  private final boolean last;
  private final int batchPages;
  private final CompressionPolicy compression;
  private final SentPages sent;
  private final BlockCompressor compressor = new BlockCompressor();

  /** Null where this round's pages are sent whole. */
  private final @Nullable DeltaEncoder differences;

  private final RateLimit limit;
  private final BooleanSupplier cancelled;
  private final long totalPages;
  private long cursorGfn;
  private byte[] block = new byte[0];

  private volatile long sentPages;
  private volatile long zeroPages;
  private volatile long wireBytes;
  private volatile long deltaPages;
  private volatile long deltaSavedBytes;

  /**
   * @param pages the round's pages; not to be changed while this is in use
   * @param untouched pages that were zero after the marks of this round's were cleared: nobody
   *     looks at them
   * @param batchPages how many pages of content the sink takes in a batch
   * @param sent what was sent of some pages last; without places if the sink takes no differences
   * @param cancelled asked before each batch
   */
  RoundFeed(
      GuestMemory memory,
      PageSet pages,
      PageSet untouched,
      int round,
      boolean last,
      int batchPages,
      CompressionPolicy compression,
      SentPages sent,
      RateLimit limit,
      BooleanSupplier cancelled) {
    this.memory = memory;
    this.pages = pages;
    this.untouched = untouched;
    this.round = round;
    this.last = last;
    this.batchPages = batchPages;
    this.compression = compression;
    this.sent = sent;
    // In the first round nothing is known, and most of it is not going to change: to remember it
    // would cost a copy of all RAM.
    this.differences =
        round > 0 && sent.places() > 0 && compression.deltaInRound(round, last)
            ? new DeltaEncoder(sent, compressor)
            : null;
    this.limit = limit;
    this.cancelled = cancelled;
    this.totalPages = pages.count();
  }

  @Override
  public int round() {
    return round;
  }

  @Override
  public boolean last() {
    return last;
  }

  /** Returns how many pages have been pulled. */
  long sentPages() {
    return sentPages;
  }

  /** Returns how many of them were zero. */
  long zeroPages() {
    return zeroPages;
  }

  /** Returns how many bytes of content have been pulled. */
  long wireBytes() {
    return wireBytes;
  }

  /** Returns how many pages have been pulled as differences, unchanged ones included. */
  long deltaPages() {
    return deltaPages;
  }

  /** Returns how many bytes those pages have, less what was sent of them. */
  long deltaSavedBytes() {
    return deltaSavedBytes;
  }

  /** Returns how many pages are left. */
  long remainingPages() {
    return totalPages - sentPages;
  }

  @Override
  public synchronized long pauseNanos() {
    return last ? 0 : limit.pauseNanos(System.nanoTime());
  }

  @Override
  public synchronized @Nullable List<PageRun> next() {
    if (cancelled.getAsBoolean()) {
      throw new MigrationException(
          MigrationException.Code.CANCELLED, "cancelled while sending pages");
    }
    boolean compress =
        last ? compression.compressLast() : compression.compressNext(System.nanoTime());
    int mostContent =
        compress || differences != null
            ? PageBatch.BLOCK_PAGES
            : compression.batchPages(batchPages);
    List<PageRun> runs = new ArrayList<>();
    int contentPages = 0;
    int scanned = 0;
    long pulled = 0;
    long zeros = 0;
    long bytes = 0;
    long gfn = pages.next(cursorGfn);
    while (gfn >= 0
        && runs.size() < PageBatch.MAX_RUNS
        && contentPages < mostContent
        && scanned < MAX_SCANNED_PAGES) {
      if (untouched.contains(gfn)) {
        long most = pages.nextAbsent(gfn, gfn + PageBatch.MAX_ZERO_PAGES);
        int zero = (int) (untouched.nextAbsent(gfn, most) - gfn);
        runs.add(zeroes(gfn, zero));
        zeros += zero;
        pulled += zero;
        cursorGfn = gfn + zero;
        gfn = pages.next(cursorGfn);
        continue;
      }
      long end = pages.nextAbsent(gfn, gfn + MAX_SCANNED_PAGES - scanned);
      long nextUntouched = untouched.next(gfn, end);
      end = nextUntouched < 0 ? end : nextUntouched;
      MemorySegment neighbours =
          memory.view(gfn << GuestMemory.PAGE_SHIFT, (end - gfn) << GuestMemory.PAGE_SHIFT);
      int zero = leadingZero(neighbours, (int) (end - gfn));
      if (zero > 0) {
        runs.add(zeroes(gfn, zero));
        zeros += zero;
        scanned += zero;
        cursorGfn = gfn + zero;
      } else {
        int count =
            leadingContent(neighbours, (int) Math.min(end - gfn, mostContent - contentPages));
        PageRun run = content(gfn, count, neighbours, compress);
        runs.add(run);
        bytes += run.contentBytes();
        contentPages += run.pages();
        scanned += run.pages();
        cursorGfn = gfn + run.pages();
      }
      gfn = pages.next(cursorGfn);
    }
    if (runs.isEmpty()) {
      return null;
    }
    sentPages += pulled + scanned;
    zeroPages += zeros;
    wireBytes += bytes;
    compression.built(bytes);
    limit.took(bytes);
    return runs;
  }

  @Override
  public synchronized void rewind(long landedPages) {
    cursorGfn = pages.after(landedPages);
    sentPages = landedPages;
    zeroPages = Math.min(zeroPages, landedPages);
  }

  private PageRun zeroes(long gfn, int count) {
    sent.forget(gfn, count);
    return PageRun.zero(gfn, count);
  }

  /** Returns how many of the first pages, at most {@code limit}, are zero. */
  private static int leadingZero(MemorySegment neighbours, int limit) {
    int count = 0;
    while (count < limit
        && PageScanner.isZero(neighbours, (long) count << GuestMemory.PAGE_SHIFT)) {
      count++;
    }
    return count;
  }

  /** Returns how many of the first pages, at most {@code limit}, are not zero. */
  private static int leadingContent(MemorySegment neighbours, int limit) {
    for (int first = 0; first < limit; first += Long.SIZE) {
      long unsure =
          PageScanner.startWithZero(
              neighbours,
              (long) first << GuestMemory.PAGE_SHIFT,
              Math.min(Long.SIZE, limit - first));
      for (; unsure != 0; unsure &= unsure - 1) {
        int page = first + Long.numberOfTrailingZeros(unsure);
        if (PageScanner.isZero(neighbours, (long) page << GuestMemory.PAGE_SHIFT)) {
          return page;
        }
      }
    }
    return limit;
  }

  /** Returns a run of the first of some pages, of one kind. */
  private PageRun content(long gfn, int count, MemorySegment neighbours, boolean compress) {
    DeltaEncoder encoder = differences;
    if (encoder == null) {
      sent.forget(gfn, count);
      return whole(gfn, count, neighbours, compress);
    }
    int known = sent.known(gfn, count, round);
    if (known > 0) {
      return difference(encoder, gfn, known, neighbours, compress);
    }
    int room = last ? 0 : sent.room(gfn, count, round);
    if (room > 0) {
      MemorySegment place = sent.at(gfn, room);
      MemorySegment.copy(neighbours, 0, place, 0, place.byteSize());
      sent.put(gfn, room, round);
      return whole(gfn, room, place, compress);
    }
    int strange = sent.strange(gfn, count, round, last);
    sent.forget(gfn, strange);
    return whole(gfn, strange, neighbours, compress);
  }

  private synchronized PageRun difference(
      DeltaEncoder encoder, long gfn, int known, MemorySegment neighbours, boolean compress) {
    long start = System.nanoTime();
    PageRun run = encoder.encode(gfn, known, neighbours, round);
    long bytes = (long) run.pages() << GuestMemory.PAGE_SHIFT;
    compression.differed(bytes, run.contentBytes(), System.nanoTime() - start);
    if (run.encoding() == PageEncoding.RAW) {
      return whole(gfn, run.pages(), run.content(), compress);
    }
    deltaPages += run.pages();
    deltaSavedBytes += bytes - run.contentBytes();
    return run;
  }

  /**
   * Returns a run of pages as they are.
   *
   * @param content the pages, and perhaps more after them
   */
  private PageRun whole(long gfn, int count, MemorySegment content, boolean compress) {
    int bytes = count << GuestMemory.PAGE_SHIFT;
    if (compress) {
      if (block.length == 0) {
        block = new byte[PageBatch.BLOCK_PAGES * PageBatch.PAGE_BYTES];
      }
      long start = System.nanoTime();
      MemorySegment.copy(content, ValueLayout.JAVA_BYTE, 0, block, 0, bytes);
      byte[] packed = compressor.compress(block, bytes, bytes - bytes / 8 - 1);
      compression.compressed(
          bytes, packed.length == 0 ? bytes : packed.length, System.nanoTime() - start);
      if (packed.length > 0) {
        return new PageRun(gfn, count, PageEncoding.LZ4, MemorySegment.ofArray(packed));
      }
    }
    return new PageRun(gfn, count, PageEncoding.RAW, content.asSlice(0, bytes));
  }
}
