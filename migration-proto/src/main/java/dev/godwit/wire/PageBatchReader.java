package dev.godwit.wire;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import dev.godwit.wire.PageTarget.IncomingRun;
import io.grpc.HasByteBuffer;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/**
 * Reads one stream of page batches and lets the pages land, straight from the network's buffers.
 *
 * <p>Nothing is allocated by a length that has not been checked, and nothing is written before
 * every run of the batch has been admitted. A batch whose checksum turns out wrong has already
 * landed, so the stream is to be given up: its machine must never run. One network thread at a
 * time.
 */
public final class PageBatchReader {
  private static final int MAX_RUN_BYTES = 64;
  private static final int MAX_OPENING_BYTES = 64;
  private static final long MAX_GFN = 1L << 50;

  private final PageTarget target;
  private long sequence;
  private byte[] block = new byte[0];

  /** Makes a reader for a stream whose first message has been read. */
  public PageBatchReader(PageTarget target) {
    this.target = target;
  }

  /** What a message was. */
  public sealed interface Landed {
    /** Pages, which are in RAM now. */
    record Pages() implements Landed {}

    /**
     * A round's end.
     *
     * @param round its number
     * @param pages how many pages it had
     */
    record RoundEnd(int round, long pages) implements Landed {}
  }

  /**
   * Reads a stream's first message.
   *
   * @param version the protocol's, as agreed with the source
   * @throws WireException {@code PROTOCOL} if it is not what opens a stream, {@code CORRUPT} if its
   *     checksum is wrong
   */
  public static StreamOpening readOpening(InputStream message, int version) {
    try {
      byte[] bytes = message.readNBytes(MAX_OPENING_BYTES + 1);
      var batch =
          bytes.length > MAX_OPENING_BYTES
              ? dev.godwit.proto.v1.PageBatch.getDefaultInstance()
              : dev.godwit.proto.v1.PageBatch.parseFrom(bytes);
      if (batch.getToken().isEmpty() || batch.getRunsCount() > 0 || !batch.getContent().isEmpty()) {
        throw new WireException(
            PeerError.Code.PROTOCOL, "a stream of pages starts without a token");
      }
      if (ProtocolVersion.checksOpenings(version)
          && batch.getCrc32C() != (int) PageBatch.checksum(batch).getValue()) {
        throw new WireException(
            PeerError.Code.CORRUPT,
            "the opening of a stream of pages has a wrong checksum: the link changes bytes");
      }
      return new StreamOpening(
          batch.getToken().toByteArray(),
          batch.getStream(),
          batch.getStreams() == 0 ? 1 : batch.getStreams(),
          batch.getAttempt());
    } catch (IOException e) {
      throw malformed("its opening cannot be read: " + e.getMessage());
    }
  }

  /**
   * Lands one message.
   *
   * @throws WireException {@code BAD_PAGES}, {@code CORRUPT} or {@code PROTOCOL}; the stream is to
   *     be given up then
   */
  public Landed land(InputStream message) {
    try {
      return new Message(message).land();
    } catch (EOFException e) {
      throw malformed("it ends early");
    } catch (IOException e) {
      throw malformed("it cannot be read: " + e.getMessage());
    }
  }

  private static WireException malformed(String what) {
    return new WireException(PeerError.Code.BAD_PAGES, "a batch of pages is malformed: " + what);
  }

  /** One message being read. */
  private final class Message {
    private final InputStream in;
    private final dev.godwit.proto.v1.PageBatch.Builder head =
        dev.godwit.proto.v1.PageBatch.newBuilder();
    private int headBytes;

    Message(InputStream in) {
      this.in = in;
    }

    Landed land() throws IOException {
      int contentBytes = readHead();
      List<IncomingRun> runs = checkRuns(contentBytes);
      if (head.getSequence() != sequence + 1) {
        throw new WireException(
            PeerError.Code.BAD_PAGES,
            "batch %s follows batch %d: one is missing or came twice"
                .formatted(Long.toUnsignedString(head.getSequence()), sequence));
      }
      sequence++;
      if (!runs.isEmpty()) {
        target.admit(head.getRound(), runs);
      }
      CRC32C crc = PageBatch.checksum(head.buildPartial());
      for (IncomingRun run : runs) {
        landRun(run, crc);
      }
      if (contentBytes > 0) {
        requireField(
            readVarint(),
            dev.godwit.proto.v1.PageBatch.CRC32C_FIELD_NUMBER,
            WireFormat.WIRETYPE_FIXED32);
      }
      int expected = readByte() | readByte() << 8 | readByte() << 16 | readByte() << 24;
      if (expected != (int) crc.getValue()) {
        throw new WireException(
            PeerError.Code.CORRUPT,
            "batch %d of round %d has a wrong checksum: it was damaged on its way"
                .formatted(sequence, head.getRound()));
      }
      if (in.read() >= 0) {
        throw malformed("something follows its checksum");
      }
      if (!head.getRoundEnd()) {
        return new Landed.Pages();
      }
      target.endRound(head.getRound(), head.getRoundPages());
      return new Landed.RoundEnd(head.getRound(), head.getRoundPages());
    }

    /**
     * Reads up to the content, or, if there is none, up to the checksum's value; returns the
     * content's length.
     */
    private int readHead() throws IOException {
      int lastField = 0;
      while (true) {
        int tag = readVarint();
        int field = WireFormat.getTagFieldNumber(tag);
        if (field < lastField
            || (field == lastField && field != dev.godwit.proto.v1.PageBatch.RUNS_FIELD_NUMBER)) {
          throw malformed("field " + field + " follows field " + lastField);
        }
        lastField = field;
        switch (field) {
          case dev.godwit.proto.v1.PageBatch.SEQUENCE_FIELD_NUMBER ->
              head.setSequence(readVarintField(tag, field));
          case dev.godwit.proto.v1.PageBatch.ROUND_FIELD_NUMBER ->
              head.setRound((int) readVarintField(tag, field));
          case dev.godwit.proto.v1.PageBatch.RUNS_FIELD_NUMBER -> head.addRuns(readRun(tag));
          case dev.godwit.proto.v1.PageBatch.ROUND_END_FIELD_NUMBER ->
              head.setRoundEnd(readFlag(tag, field));
          case dev.godwit.proto.v1.PageBatch.ROUND_PAGES_FIELD_NUMBER ->
              head.setRoundPages(readVarintField(tag, field));
          case dev.godwit.proto.v1.PageBatch.CONTENT_FIELD_NUMBER -> {
            requireField(tag, field, WireFormat.WIRETYPE_LENGTH_DELIMITED);
            return readLength(PageBatch.MAX_CONTENT_BYTES);
          }
          case dev.godwit.proto.v1.PageBatch.CRC32C_FIELD_NUMBER -> {
            requireField(tag, field, WireFormat.WIRETYPE_FIXED32);
            return 0;
          }
          default -> throw malformed("field " + field + " has no place in it");
        }
      }
    }

    private List<IncomingRun> checkRuns(int contentBytes) {
      long announced = 0;
      long contentPages = 0;
      List<IncomingRun> runs = new ArrayList<>(head.getRunsCount());
      for (dev.godwit.proto.v1.PageRun run : head.getRunsList()) {
        PageEncoding encoding = PageEncoding.of(run.getEncoding());
        if (encoding == null) {
          throw malformed("encoding " + run.getEncodingValue() + " is unknown");
        }
        int pages = run.getPages();
        int bytes = run.getContentBytes();
        boolean fits =
            switch (encoding) {
              case ZERO -> pages <= PageBatch.MAX_ZERO_PAGES && bytes == 0;
              case RAW ->
                  pages <= PageBatch.MAX_CONTENT_PAGES && bytes == pages * PageBatch.PAGE_BYTES;
              case LZ4 ->
                  pages <= PageBatch.BLOCK_PAGES
                      && bytes > 0
                      && bytes <= pages * PageBatch.PAGE_BYTES;
              case DELTA ->
                  bytes == 0
                      ? pages <= PageBatch.MAX_ZERO_PAGES
                      : pages <= PageBatch.BLOCK_PAGES
                          && bytes > 0
                          && bytes <= pages * PageBatch.PAGE_BYTES;
            };
        if (pages < 1 || !fits || run.getFirstGfn() < 0 || run.getFirstGfn() > MAX_GFN) {
          throw malformed(
              "a run of %d pages from gfn %s on, %s with %d bytes"
                  .formatted(
                      Integer.toUnsignedLong(pages),
                      Long.toUnsignedString(run.getFirstGfn()),
                      encoding,
                      Integer.toUnsignedLong(bytes)));
        }
        announced += bytes;
        contentPages += bytes == 0 ? 0 : pages;
        runs.add(new IncomingRun(run.getFirstGfn(), pages, encoding, bytes));
      }
      if (announced != contentBytes) {
        throw malformed(
            "its runs have %d bytes, its content %d".formatted(announced, contentBytes));
      }
      if (contentPages > PageBatch.MAX_CONTENT_PAGES) {
        throw malformed("it has " + contentPages + " pages");
      }
      if (head.getRound() < 0 || (head.getRoundEnd() ? !runs.isEmpty() : runs.isEmpty())) {
        throw malformed("it is neither pages nor a round's end");
      }
      return runs;
    }

    private void landRun(IncomingRun run, CRC32C crc) throws IOException {
      long gpa = run.firstGfn() * PageBatch.PAGE_BYTES;
      switch (run.encoding()) {
        case ZERO -> target.zero(gpa, (long) run.pages() * PageBatch.PAGE_BYTES);
        case RAW -> landRaw(gpa, run.contentBytes(), crc);
        case LZ4 -> target.copyIn(gpa, MemorySegment.ofArray(unpack(run, crc)));
        case DELTA -> {
          if (run.contentBytes() > 0) {
            target.xorIn(gpa, unpack(run, crc));
          }
        }
      }
    }

    private void landRaw(long gpa, int bytes, CRC32C crc) throws IOException {
      if (!(in instanceof HasByteBuffer buffers) || !buffers.byteBufferSupported()) {
        byte[] content = block(bytes);
        readFully(content, bytes);
        crc.update(content, 0, bytes);
        target.copyIn(gpa, MemorySegment.ofArray(content).asSlice(0, bytes));
        return;
      }
      int done = 0;
      while (done < bytes) {
        ByteBuffer buffer = buffers.getByteBuffer();
        if (buffer == null || !buffer.hasRemaining()) {
          throw new EOFException();
        }
        int length = Math.min(buffer.remaining(), bytes - done);
        ByteBuffer piece = buffer.slice(buffer.position(), length);
        target.copyIn(gpa + done, MemorySegment.ofBuffer(piece));
        crc.update(piece);
        in.skipNBytes(length);
        done += length;
      }
    }

    /** Returns what the block of a run has for its pages. */
    private byte[] unpack(IncomingRun run, CRC32C crc) throws IOException {
      int bytes = run.contentBytes();
      byte[] content = block(bytes);
      readFully(content, bytes);
      crc.update(content, 0, bytes);
      byte[] pages = new byte[run.pages() * PageBatch.PAGE_BYTES];
      try {
        int length = Decompressor.LZ4.decompress(content, 0, bytes, pages, 0, pages.length);
        if (length != pages.length) {
          throw malformed("an LZ4 block has %d bytes for %d pages".formatted(length, run.pages()));
        }
      } catch (LZ4Exception e) {
        throw malformed("an LZ4 block cannot be decompressed: " + e.getMessage());
      }
      return pages;
    }

    private dev.godwit.proto.v1.PageRun readRun(int tag) throws IOException {
      requireField(
          tag,
          dev.godwit.proto.v1.PageBatch.RUNS_FIELD_NUMBER,
          WireFormat.WIRETYPE_LENGTH_DELIMITED);
      if (head.getRunsCount() == PageBatch.MAX_RUNS) {
        throw malformed("it has more than " + PageBatch.MAX_RUNS + " runs");
      }
      int length = readLength(MAX_RUN_BYTES);
      byte[] bytes = block(MAX_RUN_BYTES);
      readFully(bytes, length);
      headBytes += length;
      try {
        return dev.godwit.proto.v1.PageRun.parser().parseFrom(bytes, 0, length);
      } catch (InvalidProtocolBufferException e) {
        throw malformed("a run does not parse: " + e.getMessage());
      }
    }

    private long readVarintField(int tag, int field) throws IOException {
      requireField(tag, field, WireFormat.WIRETYPE_VARINT);
      return readLongVarint();
    }

    private boolean readFlag(int tag, int field) throws IOException {
      if (readVarintField(tag, field) != 1) {
        throw malformed("field " + field + " is neither true nor absent");
      }
      return true;
    }

    private void requireField(int tag, int field, int wireType) {
      if (tag != (field << 3 | wireType)) {
        throw malformed("tag " + tag + " where field " + field + " was expected");
      }
    }

    private int readLength(int limit) throws IOException {
      long length = readLongVarint();
      if (length < 0 || length > limit) {
        throw malformed(
            "a length of "
                + Long.toUnsignedString(length)
                + " bytes; at most "
                + limit
                + " are allowed");
      }
      return (int) length;
    }

    private int readVarint() throws IOException {
      long value = readLongVarint();
      if (value != (int) value) {
        throw malformed("a number out of range");
      }
      return (int) value;
    }

    private long readLongVarint() throws IOException {
      long value = 0;
      for (int shift = 0; shift < 64; shift += 7) {
        int b = readByte();
        headBytes++;
        value |= (long) (b & 0x7F) << shift;
        if (b < 0x80) {
          if (headBytes > PageBatch.MAX_HEAD_BYTES) {
            throw malformed("its head is longer than " + PageBatch.MAX_HEAD_BYTES + " bytes");
          }
          return value;
        }
      }
      throw malformed("a number of more than 64 bits");
    }

    private int readByte() throws IOException {
      int b = in.read();
      if (b < 0) {
        throw new EOFException();
      }
      return b;
    }

    private void readFully(byte[] into, int length) throws IOException {
      if (in.readNBytes(into, 0, length) < length) {
        throw new EOFException();
      }
    }

    private byte[] block(int bytes) {
      if (block.length < bytes) {
        block = new byte[Math.max(bytes, MAX_RUN_BYTES)];
      }
      return block;
    }
  }

  /** Made when the first LZ4 run comes: its native library is unpacked then. */
  private static final class Decompressor {
    static final LZ4SafeDecompressor LZ4 = LZ4Factory.fastestInstance().safeDecompressor();
  }
}
