package dev.godwit.memory;

import java.lang.foreign.MemorySegment;

/** Classifies pages by their content. Threads: any. */
public final class PageScanner {
  private static final MemorySegment ZERO_PAGE =
      MemorySegment.ofArray(new byte[GuestMemory.PAGE_BYTES]);

  private PageScanner() {}

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
