package dev.godwit.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Classifies pages by their content. Threads: any. */
public final class PageScanner {
  private static final MemorySegment ZERO_PAGE =
      MemorySegment.ofArray(new byte[GuestMemory.PAGE_BYTES]);

  private PageScanner() {}

  /**
   * Returns which of some pages start with eight zero bytes: bit i is set if page i does. Others
   * are not zero; and of most pages that are not, this tells.
   *
   * <p>Each page's first bytes come from the host's memory, not from a cache, and the CPU fetches
   * many at a time if nothing is done between them.
   *
   * @param offset of the first page
   * @param count 1 … 64
   */
  public static long startWithZero(MemorySegment pages, long offset, int count) {
    long found = 0;
    for (int i = 0; i < count; i++) {
      long start =
          pages.get(ValueLayout.JAVA_LONG_UNALIGNED, offset + ((long) i << GuestMemory.PAGE_SHIFT));
      found |= (start == 0 ? 1L : 0) << i;
    }
    return found;
  }

  /** Says whether the 4096 bytes at {@code offset} of {@code pages} are all zero. */
  public static boolean isZero(MemorySegment pages, long offset) {
    return pages.byteSize() - offset >= GuestMemory.PAGE_BYTES
        && MemorySegment.mismatch(
                pages,
                offset,
                offset + GuestMemory.PAGE_BYTES,
                ZERO_PAGE,
                0,
                GuestMemory.PAGE_BYTES)
            < 0;
  }
}
