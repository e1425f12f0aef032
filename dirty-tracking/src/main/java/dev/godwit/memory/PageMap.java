package dev.godwit.memory;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * What the kernel says of this process's pages: {@code /proc/self/pagemap}, 64 bits a page
 * (proc_pid_pagemap(5)).
 */
final class PageMap {
  private static final Path FILE = Path.of("/proc/self/pagemap");

  /** Bit 63: it is in memory; bit 62: it is in the swap. */
  private static final long HAS_CONTENT = 3L << 62;

  private static final int CHUNK_PAGES = 8192;

  private PageMap() {}

  /**
   * Adds pages that have no content: anonymous memory that nobody has touched, which is zero.
   *
   * @param hva of the first, a multiple of the page size
   * @param pages how many there are
   * @param gfn what the first is called in {@code into}
   * @throws IOException if the kernel does not say
   */
  static void addUntouched(long hva, long pages, long gfn, PageSet into) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocateDirect(CHUNK_PAGES * Long.BYTES);
    long[] entries = new long[CHUNK_PAGES];
    try (FileChannel file = FileChannel.open(FILE)) {
      for (long done = 0; done < pages; ) {
        int count = (int) Math.min(CHUNK_PAGES, pages - done);
        bytes.clear().limit(count * Long.BYTES);
        int read = file.read(bytes, ((hva >>> GuestMemory.PAGE_SHIFT) + done) * Long.BYTES);
        if (read < Long.BYTES) {
          throw new IOException(FILE + " ends before it should");
        }
        int known = read / Long.BYTES;
        bytes.flip().order(ByteOrder.nativeOrder()).asLongBuffer().get(entries, 0, known);
        addUntouched(entries, known, gfn + done, into);
        done += known;
      }
    }
  }

  private static void addUntouched(long[] entries, int count, long gfn, PageSet into) {
    int i = 0;
    while (i < count) {
      int start = i;
      while (i < count && (entries[i] & HAS_CONTENT) == 0) {
        i++;
      }
      into.addRange(gfn + start, i - start);
      while (i < count && (entries[i] & HAS_CONTENT) != 0) {
        i++;
      }
    }
  }
}
