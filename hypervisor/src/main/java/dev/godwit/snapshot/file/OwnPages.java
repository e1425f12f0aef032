package dev.godwit.snapshot.file;

import com.google.protobuf.ByteString;
import dev.godwit.memory.PageSet;

/**
 * What makes a snapshot incremental: FILE has some of the pages, all others are those of the
 * snapshot it builds on.
 *
 * @param baseId the id of that snapshot
 * @param pages the pages that FILE has; those of them that are zero are holes in it
 */
public record OwnPages(String baseId, PageSet pages) {
  /** Bytes in one frame: a bit for each page, bit 0 of byte 0 for the first. */
  static final int CHUNK_BYTES = 1 << 20;

  /** Returns how many bytes the bits of so many pages fill. */
  static long bytes(long pages) {
    return (pages + 7) / 8;
  }

  /** Returns how many frames they fill. */
  int chunks() {
    return (int) ((bytes(pages.capacityPages()) + CHUNK_BYTES - 1) / CHUNK_BYTES);
  }

  /** Returns a frame's content. */
  ByteString chunk(int index) {
    long firstByte = (long) index * CHUNK_BYTES;
    int length = (int) Math.min(CHUNK_BYTES, bytes(pages.capacityPages()) - firstByte);
    byte[] bits = new byte[length];
    long end = Math.min(pages.capacityPages(), (firstByte + length) * 8);
    for (long gfn = pages.next(firstByte * 8, end); gfn >= 0; gfn = pages.next(gfn + 1, end)) {
      bits[(int) (gfn / 8 - firstByte)] |= (byte) (1 << gfn % 8);
    }
    return ByteString.copyFrom(bits);
  }

  /** The pages while their frames are being read. */
  static final class Reading {
    private final PageSet pages;
    private long readBytes;

    Reading(long filePages) {
      pages = new PageSet(filePages);
    }

    /** Takes the next frame's content; false if it is not what must come. */
    boolean read(ByteString chunk) {
      long left = bytes(pages.capacityPages()) - readBytes;
      if (left == 0 || chunk.size() != Math.min(CHUNK_BYTES, left)) {
        return false;
      }
      for (int i = 0; i < chunk.size(); i++) {
        for (int bit = 0; bit < 8; bit++) {
          if ((chunk.byteAt(i) & 1 << bit) != 0) {
            long gfn = (readBytes + i) * 8 + bit;
            if (gfn >= pages.capacityPages()) {
              return false;
            }
            pages.add(gfn);
          }
        }
      }
      readBytes += chunk.size();
      return true;
    }

    boolean isComplete() {
      return readBytes == bytes(pages.capacityPages());
    }

    PageSet pages() {
      return pages;
    }
  }
}
