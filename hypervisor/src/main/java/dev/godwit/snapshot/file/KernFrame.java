package dev.godwit.snapshot.file;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * One frame of FILE.kern: 24 bytes of head, little-endian, then the body.
 *
 * <pre>
 *   0  u32  type           {@link Type#code}
 *   4  u32  reserved       0
 *   8  u64  body's length
 *  16  u32  body's CRC32C
 *  20  u32  CRC32C of the 20 bytes before
 * </pre>
 *
 * @param type what it is; null for one that this program does not know
 * @param typeCode the type as the file has it
 * @param offset where in the file its head begins
 * @param body its content, as it was read
 * @param intact whether the body's checksum matches
 */
record KernFrame(@Nullable Type type, int typeCode, long offset, ByteString body, boolean intact) {
  /** The file's first bytes; a transfer as text would change them. */
  static final ByteString MAGIC = ByteString.copyFrom("GODWIT\r\n", StandardCharsets.ISO_8859_1);

  static final int HEAD_BYTES = 24;
  private static final int HEAD_CRC_OFFSET = 20;

  /** What a frame is. */
  enum Type {
    /** {@code StreamHeader}. First, and once. */
    HEADER(1, 16 << 20),
    /** {@code SnapshotMemory}. Once. */
    MEMORY(2, 4096),
    /**
     * CRC32C of each page of FILE, little-endian 32-bit values; all but the last frame are full.
     */
    CHECKSUMS(3, PageChecksums.CHUNK_PAGES * Integer.BYTES),
    /** {@code Section}, as many as the header announces, in its order. */
    SECTION(4, 64 << 20),
    /** {@code StreamMetadata}. Once. */
    METADATA(5, 1 << 20),
    /** SHA-256 of all bytes before this frame's head. Last: what follows it is an error. */
    END(6, 32),
    /**
     * In an incremental snapshot, after the checksums: a bit for each page of FILE, whether it is
     * in it; all but the last frame are full.
     */
    OWN_PAGES(7, OwnPages.CHUNK_BYTES);

    private final int code;
    private final int maxBytes;

    Type(int code, int maxBytes) {
      this.code = code;
      this.maxBytes = maxBytes;
    }

    /** Returns the number that stands for it in the file. */
    int code() {
      return code;
    }

    /** Returns the most bytes that its body may have. */
    int maxBytes() {
      return maxBytes;
    }

    static @Nullable Type of(int code) {
      for (Type type : values()) {
        if (type.code == code) {
          return type;
        }
      }
      return null;
    }
  }

  /** A head that has been checked. */
  record Head(int typeCode, long bodyBytes, int bodyCrc) {
    static ByteBuffer write(Type type, ByteString body) {
      ByteBuffer head = ByteBuffer.allocate(HEAD_BYTES).order(ByteOrder.LITTLE_ENDIAN);
      head.putInt(type.code()).putInt(0).putLong(body.size()).putInt(crc(body));
      head.putInt(crc(ByteString.copyFrom(head.array(), 0, HEAD_CRC_OFFSET)));
      return head.flip();
    }

    /** Returns null if its checksum does not match. */
    static @Nullable Head read(ByteBuffer head) {
      head.order(ByteOrder.LITTLE_ENDIAN);
      int crc = crc(ByteString.copyFrom(head.slice(0, HEAD_CRC_OFFSET)));
      return crc == head.getInt(HEAD_CRC_OFFSET) && head.getInt(4) == 0
          ? new Head(head.getInt(0), head.getLong(8), head.getInt(16))
          : null;
    }
  }

  static int crc(ByteString bytes) {
    CRC32C crc = new CRC32C();
    bytes.asReadOnlyByteBufferList().forEach(crc::update);
    return (int) crc.getValue();
  }

  /** Returns what it is, for messages. */
  String title() {
    Type known = type;
    return (known == null ? "unknown frame " + typeCode : "frame " + known)
        + " at offset 0x"
        + Long.toHexString(offset);
  }
}
