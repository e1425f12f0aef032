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
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
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
  private final int round;
  private final boolean last;
  private final CompressionPolicy compression;
  private final RateLimit limit;
  private final BooleanSupplier cancelled;
  private final long totalPages;
  private long cursorGfn;
  private byte[] block = new byte[0];
  private byte[] packed = new byte[0];

  private volatile long sentPages;
  private volatile long zeroPages;
  private volatile long wireBytes;

  /**
   * @param pages the round's pages; not to be changed while this is in use
   * @param cancelled asked before each batch
   */
  RoundFeed(
      GuestMemory memory,
      PageSet pages,
      int round,
      boolean last,
      CompressionPolicy compression,
      RateLimit limit,
      BooleanSupplier cancelled) {
    this.memory = memory;
    this.pages = pages;
    this.round = round;
    this.last = last;
    this.compression = compression;
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
    boolean compress = compression.compressNext(System.nanoTime());
    List<PageRun> runs = new ArrayList<>();
    int contentPages = 0;
    int scanned = 0;
    long zeros = 0;
    long bytes = 0;
    long gfn = pages.next(cursorGfn);
    while (gfn >= 0
        && runs.size() < PageBatch.MAX_RUNS
        && contentPages < PageBatch.MAX_RAW_PAGES
        && scanned < MAX_SCANNED_PAGES) {
      long end = pages.nextAbsent(gfn, gfn + MAX_SCANNED_PAGES - scanned);
      MemorySegment neighbours =
          memory.view(gfn << GuestMemory.PAGE_SHIFT, (end - gfn) << GuestMemory.PAGE_SHIFT);
      int zero = leading(neighbours, true, (int) (end - gfn));
      if (zero > 0) {
        runs.add(PageRun.zero(gfn, zero));
        zeros += zero;
        scanned += zero;
        cursorGfn = gfn + zero;
      } else {
        int count =
            leading(
                neighbours,
                false,
                (int) Math.min(end - gfn, PageBatch.MAX_RAW_PAGES - contentPages));
        PageRun run = content(gfn, count, neighbours, compress);
        runs.add(run);
        bytes += run.contentBytes();
        contentPages += count;
        scanned += count;
        cursorGfn = gfn + count;
      }
      gfn = pages.next(cursorGfn);
    }
    if (runs.isEmpty()) {
      return null;
    }
    sentPages += scanned;
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

  /** Returns how many of the first pages, at most {@code limit}, are zero (or are not). */
  private static int leading(MemorySegment neighbours, boolean zero, int limit) {
    int count = 0;
    while (count < limit
        && PageScanner.isZero(neighbours, (long) count << GuestMemory.PAGE_SHIFT) == zero) {
      count++;
    }
    return count;
  }

  private PageRun content(long gfn, int count, MemorySegment neighbours, boolean compress) {
    int bytes = count << GuestMemory.PAGE_SHIFT;
    if (compress) {
      if (block.length == 0) {
        block = new byte[PageBatch.MAX_RAW_PAGES * PageBatch.PAGE_BYTES];
        packed = new byte[Compressor.LZ4.maxCompressedLength(block.length)];
      }
      long start = System.nanoTime();
      MemorySegment.copy(neighbours, ValueLayout.JAVA_BYTE, 0, block, 0, bytes);
      int length = Compressor.LZ4.compress(block, 0, bytes, packed, 0, packed.length);
      compression.compressed(bytes, Math.min(length, bytes), System.nanoTime() - start);
      if (length < bytes - bytes / 8) {
        byte[] content = Arrays.copyOf(packed, length);
        return new PageRun(gfn, count, PageEncoding.LZ4, MemorySegment.ofArray(content));
      }
    }
    return new PageRun(gfn, count, PageEncoding.RAW, neighbours.asSlice(0, bytes));
  }

  /** Made when something is compressed first: its native library is unpacked then. */
  private static final class Compressor {
    static final LZ4Compressor LZ4 = LZ4Factory.fastestInstance().fastCompressor();
  }
}
