package dev.godwit.wire;

import com.google.protobuf.ByteString;
import dev.godwit.proto.v1.PreflightReply;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * One message of a stream of pages, on its way out: the stream's opening, some runs of pages, or a
 * round's end.
 *
 * <p>It refers to guest RAM and is written straight from there ({@link PageBatchStream}).
 */
public final class PageBatch {
  /** Bytes a page. */
  public static final int PAGE_BYTES = 4096;

  /**
   * Most pages in a run that is compressed, and most pages with content in a batch for a
   * destination that does not say how many it takes.
   */
  public static final int BLOCK_PAGES = 16;

  /**
   * Most pages with content in a batch. What a message costs beside its bytes is the same for any
   * size, and in a JVM that has just started, it is most of what pages cost: with 64 pages the
   * first GiB took two thirds of the CPU time that it took with 16, and with 128 nine tenths of
   * that. With 240, as many as gRPC puts into one buffer, it took no less.
   */
  public static final int MAX_CONTENT_PAGES = 128;

  /** Most bytes of content in a batch. What connections hold and read at a time is made for it. */
  public static final int MAX_CONTENT_BYTES = MAX_CONTENT_PAGES * PAGE_BYTES;

  /** Most runs in a batch. */
  public static final int MAX_RUNS = 256;

  /** Most bytes of a batch before its content. */
  public static final int MAX_HEAD_BYTES = 64 * MAX_RUNS;

  /** Most pages in a run without content: bounds what one message makes a destination do. */
  public static final int MAX_ZERO_PAGES = 1 << 16;

  private final @Nullable StreamOpening opening;
  private final long sequence;
  private final int round;
  private final List<PageRun> runs;
  private final boolean roundEnd;
  private final long roundPages;

  private PageBatch(
      @Nullable StreamOpening opening,
      long sequence,
      int round,
      List<PageRun> runs,
      boolean roundEnd,
      long roundPages) {
    this.opening = opening;
    this.sequence = sequence;
    this.round = round;
    this.runs = List.copyOf(runs);
    this.roundEnd = roundEnd;
    this.roundPages = roundPages;
  }

  /** Returns how many pages of content a batch may have, where a destination consented so. */
  public static int agreedContentPages(PreflightReply consent) {
    return Math.clamp(
        Integer.toUnsignedLong(consent.getMaxBatchPages()), BLOCK_PAGES, MAX_CONTENT_PAGES);
  }

  /** Returns a stream's first message. */
  public static PageBatch open(StreamOpening opening) {
    return new PageBatch(opening, 0, 0, List.of(), false, 0);
  }

  /**
   * Returns a message with pages.
   *
   * @param sequence 1, 2, 3 … within the stream
   * @param round the number of the round
   * @param runs 1 to {@link #MAX_RUNS}
   */
  public static PageBatch pages(long sequence, int round, List<PageRun> runs) {
    return new PageBatch(null, sequence, round, runs, false, 0);
  }

  /**
   * Returns a round's last message.
   *
   * @param roundPages how many pages the stream carried in the round
   */
  public static PageBatch roundEnd(long sequence, int round, long roundPages) {
    return new PageBatch(null, sequence, round, List.of(), true, roundPages);
  }

  /** Returns the runs. */
  public List<PageRun> runs() {
    return runs;
  }

  /** Returns how many bytes of content there are. */
  public int contentBytes() {
    int bytes = 0;
    for (PageRun run : runs) {
      bytes += run.contentBytes();
    }
    return bytes;
  }

  /** Returns everything but content and checksum, as a message. */
  dev.godwit.proto.v1.PageBatch head() {
    var head =
        dev.godwit.proto.v1.PageBatch.newBuilder()
            .setSequence(sequence)
            .setRound(round)
            .setRoundEnd(roundEnd)
            .setRoundPages(roundPages);
    if (opening != null) {
      head.setToken(ByteString.copyFrom(opening.token()))
          .setStream(opening.stream())
          .setStreams(opening.streams())
          .setAttempt(opening.attempt());
    }
    for (PageRun run : runs) {
      head.addRuns(
          dev.godwit.proto.v1.PageRun.newBuilder()
              .setFirstGfn(run.firstGfn())
              .setPages(run.pages())
              .setEncoding(run.encoding().proto())
              .setContentBytes(run.contentBytes()));
    }
    return head.build();
  }

  /**
   * Returns a checksum over the numbers of a head, and in an opening over what opens the stream; to
   * which the content is still to be added.
   */
  static CRC32C checksum(dev.godwit.proto.v1.PageBatch head) {
    ByteBuffer numbers =
        ByteBuffer.allocate(32 + 32 * Math.max(1, head.getRunsCount()))
            .order(ByteOrder.LITTLE_ENDIAN);
    numbers
        .putLong(head.getSequence())
        .putLong(Integer.toUnsignedLong(head.getRound()))
        .putLong(head.getRoundEnd() ? 1 : 0)
        .putLong(head.getRoundPages());
    for (dev.godwit.proto.v1.PageRun run : head.getRunsList()) {
      numbers
          .putLong(run.getFirstGfn())
          .putLong(Integer.toUnsignedLong(run.getPages()))
          .putLong(run.getEncodingValue())
          .putLong(Integer.toUnsignedLong(run.getContentBytes()));
    }
    CRC32C crc = new CRC32C();
    if (!head.getToken().isEmpty()) {
      numbers
          .putLong(Integer.toUnsignedLong(head.getStream()))
          .putLong(Integer.toUnsignedLong(head.getStreams()))
          .putLong(Integer.toUnsignedLong(head.getAttempt()));
      crc.update(head.getToken().asReadOnlyByteBuffer());
    }
    crc.update(numbers.flip());
    return crc;
  }
}
