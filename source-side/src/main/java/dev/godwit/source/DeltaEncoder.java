package dev.godwit.source;

import dev.godwit.wire.PageBatch;
import dev.godwit.wire.PageEncoding;
import dev.godwit.wire.PageRun;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Makes differences of pages to what was sent of them before. Neighbours are taken together as long
 * as they are of one kind: unchanged, changed a little, or changed so much that they are better
 * sent whole. What is made of a page is what was read of it once: the guest may write meanwhile.
 * Not thread-safe.
 */
final class DeltaEncoder {
  private static final int PAGE_LONGS = PageBatch.PAGE_BYTES / Long.BYTES;

  /** With more than these 8-byte words changed, a page's difference is hardly smaller than it. */
  private static final int MUCH_LONGS = PAGE_LONGS / 2;

  private final SentPages sent;
  private final BlockCompressor compressor;
  private final long[] before = new long[PAGE_LONGS];
  private final long[] now = new long[PAGE_LONGS];
  private final long[] difference = new long[PAGE_LONGS];
  private final byte[] block = new byte[PageBatch.BLOCK_PAGES * PageBatch.PAGE_BYTES];

  /** How much a page has changed. */
  private enum Change {
    NONE,
    LITTLE,
    MUCH
  }

  DeltaEncoder(SentPages sent, BlockCompressor compressor) {
    this.sent = sent;
    this.compressor = compressor;
  }

  /**
   * Returns a run of the first of some pages: DELTA, or RAW from {@link SentPages} if a difference
   * would not be smaller.
   *
   * @param gfn the first of them
   * @param pages how many there are, all of them known; at most {@link PageBatch#BLOCK_PAGES}
   * @param content guest RAM from the first on
   */
  PageRun encode(long gfn, int pages, MemorySegment content, int round) {
    Change kind = compare(gfn, content, 0);
    int count = 0;
    do {
      MemorySegment.copy(
          MemorySegment.ofArray(difference),
          0,
          MemorySegment.ofArray(block),
          (long) count * PageBatch.PAGE_BYTES,
          PageBatch.PAGE_BYTES);
      MemorySegment.copy(
          now, 0, sent.at(gfn + count, 1), ValueLayout.JAVA_LONG_UNALIGNED, 0, PAGE_LONGS);
      count++;
    } while (count < pages && compare(gfn + count, content, count) == kind);
    sent.put(gfn, count, round);
    if (kind == Change.NONE) {
      return PageRun.unchanged(gfn, count);
    }
    if (kind == Change.LITTLE) {
      int bytes = count * PageBatch.PAGE_BYTES;
      byte[] packed = compressor.compress(block, bytes, bytes / 2);
      if (packed.length > 0) {
        return new PageRun(gfn, count, PageEncoding.DELTA, MemorySegment.ofArray(packed));
      }
    }
    return new PageRun(gfn, count, PageEncoding.RAW, sent.at(gfn, count));
  }

  private Change compare(long gfn, MemorySegment content, int page) {
    MemorySegment.copy(sent.at(gfn, 1), ValueLayout.JAVA_LONG_UNALIGNED, 0, before, 0, PAGE_LONGS);
    MemorySegment.copy(
        content,
        ValueLayout.JAVA_LONG_UNALIGNED,
        (long) page * PageBatch.PAGE_BYTES,
        now,
        0,
        PAGE_LONGS);
    int changed = 0;
    for (int i = 0; i < PAGE_LONGS; i++) {
      long changes = before[i] ^ now[i];
      difference[i] = changes;
      changed += changes == 0 ? 0 : 1;
    }
    return changed == 0 ? Change.NONE : changed <= MUCH_LONGS ? Change.LITTLE : Change.MUCH;
  }
}
