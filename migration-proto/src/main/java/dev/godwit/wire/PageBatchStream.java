package dev.godwit.wire;

import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.WireFormat;
import io.grpc.Drainable;
import io.grpc.KnownLength;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A {@link PageBatch} as the bytes of its protobuf message, which gRPC drains into its own buffers:
 * guest RAM is copied through one small block, where it is also summed. Summing guest RAM itself
 * and copying it afterwards would be wrong: a guest that writes in between makes a checksum that
 * does not fit.
 *
 * <p>The length is known before the content is looked at; one thread drains, once.
 */
final class PageBatchStream extends InputStream implements Drainable, KnownLength {
  /** Fits a CPU's fastest cache: it is written once and read twice. */
  private static final int BLOCK_BYTES = 4 * PageBatch.PAGE_BYTES;

  private static final ThreadLocal<byte[]> BLOCK =
      ThreadLocal.withInitial(() -> new byte[BLOCK_BYTES]);
  private static final int CONTENT_FIELD = dev.godwit.proto.v1.PageBatch.CONTENT_FIELD_NUMBER;
  private static final int CRC_FIELD = dev.godwit.proto.v1.PageBatch.CRC32C_FIELD_NUMBER;

  private final PageBatch batch;
  private final dev.godwit.proto.v1.PageBatch head;
  private final int contentBytes;
  private final int totalBytes;
  private boolean drained;
  private @Nullable InputStream unread;

  PageBatchStream(PageBatch batch) {
    this.batch = batch;
    this.head = batch.head();
    this.contentBytes = batch.contentBytes();
    this.totalBytes =
        head.getSerializedSize()
            + (contentBytes == 0
                ? 0
                : CodedOutputStream.computeTagSize(CONTENT_FIELD)
                    + CodedOutputStream.computeUInt32SizeNoTag(contentBytes)
                    + contentBytes)
            + CodedOutputStream.computeFixed32Size(CRC_FIELD, 0);
  }

  @Override
  public int drainTo(OutputStream target) throws IOException {
    if (drained) {
      return 0;
    }
    drained = true;
    CRC32C crc = PageBatch.checksum(head);
    CodedOutputStream out = CodedOutputStream.newInstance(target, 256);
    head.writeTo(out);
    if (contentBytes > 0) {
      out.writeTag(CONTENT_FIELD, WireFormat.WIRETYPE_LENGTH_DELIMITED);
      out.writeUInt32NoTag(contentBytes);
      out.flush();
      byte[] block = BLOCK.get();
      for (PageRun run : batch.runs()) {
        MemorySegment content = run.content();
        long bytes = content.byteSize();
        for (long offset = 0; offset < bytes; offset += BLOCK_BYTES) {
          int length = (int) Math.min(BLOCK_BYTES, bytes - offset);
          MemorySegment.copy(content, ValueLayout.JAVA_BYTE, offset, block, 0, length);
          crc.update(block, 0, length);
          target.write(block, 0, length);
        }
      }
    }
    // Written even when it is zero, which protobuf allows: the length must not depend on it.
    out.writeFixed32(CRC_FIELD, (int) crc.getValue());
    out.flush();
    return totalBytes;
  }

  @Override
  public int available() {
    return unread == null ? (drained ? 0 : totalBytes) : remaining(unread);
  }

  private static int remaining(InputStream stream) {
    try {
      return stream.available();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public int read() throws IOException {
    return unread().read();
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    return unread().read(target, offset, length);
  }

  /** The slow way, for transports that do not drain. */
  private InputStream unread() throws IOException {
    InputStream stream = unread;
    if (stream == null) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream(totalBytes);
      drainTo(bytes);
      stream = new ByteArrayInputStream(bytes.toByteArray());
      unread = stream;
    }
    return stream;
  }
}
