package dev.godwit.snapshot.file;

import com.google.protobuf.ByteString;
import dev.godwit.snapshot.SnapshotException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.security.MessageDigest;
import org.jspecify.annotations.Nullable;

/**
 * The frames of a FILE.kern, one after the other. Lengths are checked against the file and the
 * type's limit before anything is allocated.
 */
final class KernFrames implements AutoCloseable {
  private final Path file;
  private final FileChannel channel;
  private final long fileBytes;
  private final MessageDigest digest = Digests.sha256();
  private long offset;
  private byte[] digestBefore = new byte[0];

  private KernFrames(Path file, FileChannel channel, long fileBytes) {
    this.file = file;
    this.channel = channel;
    this.fileBytes = fileBytes;
  }

  /**
   * Opens a file.
   *
   * @throws SnapshotException {@code NOT_A_SNAPSHOT}, {@code TRUNCATED} or {@code HOST_IO}
   */
  static KernFrames open(Path file) {
    FileChannel channel;
    try {
      channel = FileChannel.open(file);
    } catch (IOException e) {
      throw SnapshotIo.cannotRead(file, e);
    }
    try {
      KernFrames frames = new KernFrames(file, channel, channel.size());
      ByteString magic = frames.read((int) Math.min(KernFrame.MAGIC.size(), frames.fileBytes));
      if (!magic.equals(KernFrame.MAGIC)) {
        throw new SnapshotException(
            frames.fileBytes == 0
                ? SnapshotException.Code.TRUNCATED
                : SnapshotException.Code.NOT_A_SNAPSHOT,
            file + " is not a Godwit snapshot: its first bytes are others");
      }
      return frames;
    } catch (IOException e) {
      closeQuietly(channel);
      throw SnapshotIo.cannotRead(file, e);
    } catch (SnapshotException e) {
      closeQuietly(channel);
      throw e;
    }
  }

  private static void closeQuietly(FileChannel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // It was only read.
    }
  }

  /**
   * Returns the next frame, damaged or not; null at the file's end.
   *
   * @throws SnapshotException where reading on makes no sense: {@code TRUNCATED}, {@code CORRUPT}
   *     or {@code HOST_IO}
   */
  @Nullable KernFrame next() {
    long start = offset;
    if (start == fileBytes) {
      return null;
    }
    digestBefore = Digests.soFar(digest);
    try {
      if (fileBytes - start < KernFrame.HEAD_BYTES) {
        throw truncated(start);
      }
      KernFrame.Head head =
          KernFrame.Head.read(ByteBuffer.wrap(read(KernFrame.HEAD_BYTES).toByteArray()));
      if (head == null) {
        throw new SnapshotException(
            SnapshotException.Code.CORRUPT,
            "%s is damaged at offset 0x%x: a frame's head has a wrong checksum"
                .formatted(file, start));
      }
      KernFrame.Type type = KernFrame.Type.of(head.typeCode());
      int limit = type == null ? KernFrame.Type.SECTION.maxBytes() : type.maxBytes();
      if (head.bodyBytes() < 0 || head.bodyBytes() > limit) {
        throw new SnapshotException(
            SnapshotException.Code.CORRUPT,
            "%s is damaged at offset 0x%x: a frame of %s bytes, at most %d are allowed"
                .formatted(file, start, Long.toUnsignedString(head.bodyBytes()), limit));
      }
      if (head.bodyBytes() > fileBytes - offset) {
        throw truncated(start);
      }
      ByteString body = read((int) head.bodyBytes());
      return new KernFrame(
          type, head.typeCode(), start, body, KernFrame.crc(body) == head.bodyCrc());
    } catch (IOException e) {
      throw SnapshotIo.cannotRead(file, e);
    }
  }

  private SnapshotException truncated(long at) {
    return new SnapshotException(
        SnapshotException.Code.TRUNCATED,
        "%s is cut off: it ends at byte %d, in the frame at offset 0x%x"
            .formatted(file, fileBytes, at));
  }

  private ByteString read(int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes);
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, offset + buffer.position()) < 0) {
        throw truncated(offset);
      }
    }
    offset += bytes;
    digest.update(buffer.array());
    return ByteString.copyFrom(buffer.flip());
  }

  /** Returns SHA-256 of all bytes before the last frame's head. */
  byte[] digestBeforeFrame() {
    return digestBefore;
  }

  /** Returns the file's length when it was opened. */
  long fileBytes() {
    return fileBytes;
  }

  @Override
  public void close() {
    closeQuietly(channel);
  }
}
