package dev.godwit.snapshot.file;

import com.google.protobuf.ByteString;
import dev.godwit.memory.GuestMemory;
import dev.godwit.snapshot.SnapshotException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.LongStream;
import java.util.zip.CRC32C;

/**
 * A CRC32C for each page of FILE, holes included: taken as a page is written, so that nothing has
 * to be read again while the machine stands still, and the last write of a page wins. Not
 * thread-safe while it is being changed.
 */
public final class PageChecksums {
  /** Checksums in one frame. */
  static final int CHUNK_PAGES = 1 << 20;

  /** Pages that are read at once when FILE is checked. */
  private static final int VERIFY_PAGES = 256;

  private static final int ZERO_PAGE = crc(ByteBuffer.allocate(GuestMemory.PAGE_BYTES));

  private final int[] crcs;
  private int filled;

  private PageChecksums(int[] crcs, int filled) {
    this.crcs = crcs;
    this.filled = filled;
  }

  /** Makes the checksums of an empty file. */
  public static PageChecksums ofZeros(long fileBytes) {
    int[] crcs = new int[pages(fileBytes)];
    Arrays.fill(crcs, ZERO_PAGE);
    return new PageChecksums(crcs, crcs.length);
  }

  /** Returns checksums of the same pages, to be changed. */
  public PageChecksums copy() {
    return new PageChecksums(crcs.clone(), filled);
  }

  /** Makes checksums that are to be read, chunk by chunk. */
  static PageChecksums toBeRead(long fileBytes) {
    return new PageChecksums(new int[pages(fileBytes)], 0);
  }

  private static int pages(long fileBytes) {
    return Math.toIntExact(fileBytes >>> GuestMemory.PAGE_SHIFT);
  }

  private static int crc(ByteBuffer page) {
    CRC32C crc = new CRC32C();
    crc.update(page);
    return (int) crc.getValue();
  }

  /** Returns how many pages there are. */
  public int pages() {
    return crcs.length;
  }

  /** Sets the checksum of a page to that of 4096 bytes; the buffer's position moves past them. */
  public void set(long gfn, ByteBuffer page) {
    crcs[Math.toIntExact(gfn)] = crc(page);
  }

  /** Sets the checksum of a page to that of zeros. */
  public void setZero(long gfn) {
    crcs[Math.toIntExact(gfn)] = ZERO_PAGE;
  }

  /** Returns how many pages are not zero. */
  public long contentPages() {
    return Arrays.stream(crcs).filter(crc -> crc != ZERO_PAGE).count();
  }

  /** Returns SHA-256 of all checksums, in lower-case hexadecimal digits. */
  public String sha256() {
    MessageDigest digest = Digests.sha256();
    for (int chunk = 0; chunk < chunks(); chunk++) {
      chunk(chunk).asReadOnlyByteBufferList().forEach(digest::update);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Returns how many frames they fill. */
  int chunks() {
    return (crcs.length + CHUNK_PAGES - 1) / CHUNK_PAGES;
  }

  /** Returns a frame's content: little-endian 32-bit values. */
  ByteString chunk(int index) {
    int from = index * CHUNK_PAGES;
    int count = Math.min(CHUNK_PAGES, crcs.length - from);
    ByteBuffer bytes = ByteBuffer.allocate(count * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asIntBuffer().put(crcs, from, count);
    return ByteString.copyFrom(bytes);
  }

  /** Takes the next frame's content; false if it is not what must come. */
  boolean read(ByteString chunk) {
    int count = Math.min(CHUNK_PAGES, crcs.length - filled);
    if (count == 0 || chunk.size() != count * Integer.BYTES) {
      return false;
    }
    chunk
        .asReadOnlyByteBuffer()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asIntBuffer()
        .get(crcs, filled, count);
    filled += count;
    return true;
  }

  /** Says whether all have been read. */
  boolean isComplete() {
    return filled == crcs.length;
  }

  /**
   * Returns the first page that is not as it was written, or -1. Reads all of them, on all cores.
   */
  long firstDamagedPage(RamLayers ram) throws IOException {
    int chunks = (crcs.length + VERIFY_PAGES - 1) / VERIFY_PAGES;
    try {
      return LongStream.range(0, chunks)
          .parallel()
          .map(chunk -> firstDamagedPage(ram, (int) chunk * VERIFY_PAGES))
          .filter(page -> page >= 0)
          .min()
          .orElse(-1);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private long firstDamagedPage(RamLayers ram, int firstPage) {
    int count = Math.min(VERIFY_PAGES, crcs.length - firstPage);
    ByteBuffer buffer = BUFFER.get().clear().limit(count * GuestMemory.PAGE_BYTES);
    try {
      ram.read(firstPage, buffer);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    for (int i = 0; i < count; i++) {
      int at = i * GuestMemory.PAGE_BYTES;
      if (crc(buffer.slice(at, GuestMemory.PAGE_BYTES)) != crcs[firstPage + i]) {
        return firstPage + i;
      }
    }
    return -1;
  }

  private static final ThreadLocal<ByteBuffer> BUFFER =
      ThreadLocal.withInitial(
          () -> ByteBuffer.allocateDirect(VERIFY_PAGES * GuestMemory.PAGE_BYTES));

  /**
   * Checks RAM files.
   *
   * @throws SnapshotException {@code CORRUPT}, naming the first damaged page and its file, or
   *     {@code HOST_IO}
   */
  void verify(RamLayers ram) {
    try {
      long page = firstDamagedPage(ram);
      if (page >= 0) {
        throw new SnapshotException(
            SnapshotException.Code.CORRUPT,
            "%s is damaged: the page at offset 0x%x is not what was written; use another snapshot"
                .formatted(ram.fileOf(page), page << GuestMemory.PAGE_SHIFT));
      }
    } catch (IOException e) {
      throw SnapshotIo.cannotRead(ram.fileOf(0), e);
    }
  }
}
