package dev.godwit.source.file;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.snapshot.file.PageChecksums;
import dev.godwit.wire.PageRun;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * Guest RAM on its way into a file at offset = gpa. Pages that were never other than zero stay
 * holes. The guest may write to a page while it is being copied: it is copied once, and what was
 * copied is what is summed and written.
 */
final class RamWriter {
  private static final int BUFFER_PAGES = 64;

  private final FileChannel file;
  private final PageChecksums checksums;
  private final PageSet written;
  private final PageSet own;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(BUFFER_PAGES * GuestMemory.PAGE_BYTES);
  private final MemorySegment bufferBytes = MemorySegment.ofBuffer(buffer);

  /**
   * @param checksums those of the pages that are not written; changed with those that are
   */
  RamWriter(FileChannel file, PageChecksums checksums) {
    this.file = file;
    this.checksums = checksums;
    this.written = new PageSet(checksums.pages());
    this.own = new PageSet(checksums.pages());
  }

  void write(PageRun run) throws IOException {
    own.addRange(run.firstGfn(), run.pages());
    switch (run.encoding()) {
      case ZERO -> writeZeros(run.firstGfn(), run.pages());
      case RAW -> writeContent(run);
      case LZ4, DELTA -> throw new IllegalStateException("a file does not take " + run.encoding());
    }
  }

  private void writeContent(PageRun run) throws IOException {
    int done = 0;
    while (done < run.pages()) {
      int pages = Math.min(BUFFER_PAGES, run.pages() - done);
      long bytes = (long) pages * GuestMemory.PAGE_BYTES;
      MemorySegment.copy(
          run.content(), (long) done * GuestMemory.PAGE_BYTES, bufferBytes, 0, bytes);
      long gfn = run.firstGfn() + done;
      buffer.clear();
      for (int i = 0; i < pages; i++) {
        checksums.set(gfn + i, buffer.slice(i * GuestMemory.PAGE_BYTES, GuestMemory.PAGE_BYTES));
      }
      written.addRange(gfn, pages);
      writeBuffer(gfn, pages);
      done += pages;
    }
  }

  /** Only where there is something else: the rest is a hole. */
  private void writeZeros(long firstGfn, long pages) throws IOException {
    long end = firstGfn + pages;
    for (long gfn = firstGfn; gfn < end; gfn++) {
      checksums.setZero(gfn);
    }
    for (long gfn = written.next(firstGfn, end); gfn >= 0; gfn = written.next(gfn + 1, end)) {
      bufferBytes.asSlice(0, GuestMemory.PAGE_BYTES).fill((byte) 0);
      writeBuffer(gfn, 1);
      written.remove(gfn);
    }
  }

  private void writeBuffer(long gfn, int pages) throws IOException {
    buffer.clear().limit(pages * GuestMemory.PAGE_BYTES);
    long offset = gfn << GuestMemory.PAGE_SHIFT;
    while (buffer.hasRemaining()) {
      file.write(buffer, offset + buffer.position());
    }
  }

  /** Returns the pages that came, zero ones included. */
  PageSet own() {
    return own;
  }

  PageChecksums checksums() {
    return checksums;
  }
}
