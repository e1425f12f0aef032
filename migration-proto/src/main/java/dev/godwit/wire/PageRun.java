package dev.godwit.wire;

import java.lang.foreign.MemorySegment;

/**
 * Neighbouring pages on their way out.
 *
 * @param firstGfn the first page's guest frame number
 * @param pages ≥ 1; at most {@link PageBatch#MAX_CONTENT_PAGES}, compressed ones {@link
 *     PageBatch#BLOCK_PAGES}, unless they are zero or unchanged
 * @param encoding how they are carried
 * @param content what is carried: nothing for ZERO; for RAW a view of guest RAM, which the guest
 *     may be writing to (whatever it writes is sent again later); for LZ4 one block; for DELTA one
 *     block or nothing
 */
public record PageRun(long firstGfn, int pages, PageEncoding encoding, MemorySegment content) {
  /** Makes a run of zero pages. */
  public static PageRun zero(long firstGfn, int pages) {
    return new PageRun(firstGfn, pages, PageEncoding.ZERO, MemorySegment.NULL);
  }

  /** Makes a run of pages that are as they were when they were sent in an earlier round. */
  public static PageRun unchanged(long firstGfn, int pages) {
    return new PageRun(firstGfn, pages, PageEncoding.DELTA, MemorySegment.NULL);
  }

  /** Returns the content's length. */
  public int contentBytes() {
    return (int) content.byteSize();
  }
}
