package dev.godwit.wire;

import java.lang.foreign.MemorySegment;

/**
 * Neighbouring pages on their way out.
 *
 * @param firstGfn the first page's guest frame number
 * @param pages ≥ 1; at most {@link PageBatch#MAX_RAW_PAGES} unless they are zero
 * @param encoding how they are carried
 * @param content what is carried: nothing for ZERO; for RAW a view of guest RAM, which the guest
 *     may be writing to (whatever it writes is sent again later); for LZ4 one block
 */
public record PageRun(long firstGfn, int pages, PageEncoding encoding, MemorySegment content) {
  /** Makes a run of zero pages. */
  public static PageRun zero(long firstGfn, int pages) {
    return new PageRun(firstGfn, pages, PageEncoding.ZERO, MemorySegment.NULL);
  }

  /** Returns the content's length. */
  public int contentBytes() {
    return (int) content.byteSize();
  }
}
