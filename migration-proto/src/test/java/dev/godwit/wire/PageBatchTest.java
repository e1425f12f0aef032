package dev.godwit.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.godwit.proto.v1.PageEncoding;
import dev.godwit.wire.PageBatchReader.Landed;
import io.grpc.HasByteBuffer;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Factory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The marshaller agrees with the generated message to the byte, and lets nothing land that is not
 * sound.
 */
class PageBatchTest {
  private static final int PAGE = PageBatch.PAGE_BYTES;
  private static final int RAM_PAGES = 256;

  /** RAM, and a count of everything that was written. */
  private static final class Ram implements PageTarget {
    final byte[] bytes = new byte[RAM_PAGES * PAGE];
    long written;
    long zeroed;
    long endedPages = -1;

    @Override
    public void admit(int round, Iterable<IncomingRun> runs) {
      for (IncomingRun run : runs) {
        if (run.firstGfn() + run.pages() > RAM_PAGES) {
          throw new WireException(PeerError.Code.BAD_PAGES, "outside");
        }
      }
    }

    @Override
    public void copyIn(long gpa, MemorySegment source) {
      MemorySegment.copy(source, 0, MemorySegment.ofArray(bytes), gpa, source.byteSize());
      written += source.byteSize();
    }

    @Override
    public void xorIn(long gpa, byte[] difference) {
      for (int i = 0; i < difference.length; i++) {
        bytes[(int) gpa + i] ^= difference[i];
      }
      written += difference.length;
    }

    @Override
    public void zero(long gpa, long length) {
      Arrays.fill(bytes, (int) gpa, (int) (gpa + length), (byte) 0);
      zeroed += length;
    }

    @Override
    public void endRound(int round, long pages) {
      endedPages = pages;
    }
  }

  private final byte[] source = new byte[RAM_PAGES * PAGE];

  PageBatchTest() {
    new Random(7).nextBytes(source);
    Arrays.fill(source, 20 * PAGE, 30 * PAGE, (byte) 0);
    Arrays.fill(source, 40 * PAGE, 44 * PAGE, (byte) 'x');
  }

  private PageRun raw(int gfn, int pages) {
    return new PageRun(
        gfn,
        pages,
        dev.godwit.wire.PageEncoding.RAW,
        MemorySegment.ofArray(source).asSlice((long) gfn * PAGE, (long) pages * PAGE));
  }

  private PageRun lz4(int gfn, int pages) {
    byte[] packed =
        LZ4Factory.fastestInstance()
            .fastCompressor()
            .compress(Arrays.copyOfRange(source, gfn * PAGE, (gfn + pages) * PAGE));
    return new PageRun(gfn, pages, dev.godwit.wire.PageEncoding.LZ4, MemorySegment.ofArray(packed));
  }

  private static byte[] bytes(PageBatch batch) throws Exception {
    PageBatchStream stream = new PageBatchStream(batch);
    int announced = stream.available();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    assertEquals(announced, stream.drainTo(out));
    assertEquals(announced, out.size(), "the length that was announced is not the one that came");
    return out.toByteArray();
  }

  private PageBatch mixed() {
    return PageBatch.pages(1, 3, List.of(raw(2, 5), PageRun.zero(20, 10), lz4(40, 4)));
  }

  @Test
  void writesWhatTheGeneratedClassesRead() throws Exception {
    var read = dev.godwit.proto.v1.PageBatch.parseFrom(bytes(mixed()));
    assertEquals(1, read.getSequence());
    assertEquals(3, read.getRound());
    assertEquals(3, read.getRunsCount());
    assertEquals(PageEncoding.PAGE_ENCODING_RAW, read.getRuns(0).getEncoding());
    assertEquals(5, read.getRuns(0).getPages());
    assertArrayEquals(
        Arrays.copyOfRange(source, 2 * PAGE, 7 * PAGE),
        read.getContent().substring(0, 5 * PAGE).toByteArray());
    assertEquals(crc(read), read.getCrc32C());
    assertEquals(0, read.getUnknownFields().asMap().size());
  }

  /** The checksum as migration.proto defines it, written down a second time. */
  private static int crc(dev.godwit.proto.v1.PageBatch batch) {
    ByteBuffer numbers =
        ByteBuffer.allocate(32 + 32 * batch.getRunsCount()).order(ByteOrder.LITTLE_ENDIAN);
    numbers.putLong(batch.getSequence()).putLong(batch.getRound());
    numbers.putLong(batch.getRoundEnd() ? 1 : 0).putLong(batch.getRoundPages());
    for (var run : batch.getRunsList()) {
      numbers.putLong(run.getFirstGfn()).putLong(run.getPages());
      numbers.putLong(run.getEncodingValue()).putLong(run.getContentBytes());
    }
    CRC32C crc = new CRC32C();
    crc.update(numbers.flip());
    crc.update(batch.getContent().asReadOnlyByteBuffer());
    return (int) crc.getValue();
  }

  private static byte[] withCrc(dev.godwit.proto.v1.PageBatch.Builder batch) {
    return batch.setCrc32C(crc(batch.buildPartial())).build().toByteArray();
  }

  private dev.godwit.proto.v1.PageBatch.Builder generated(int gfn, int pages) {
    return dev.godwit.proto.v1.PageBatch.newBuilder()
        .setSequence(1)
        .addRuns(
            dev.godwit.proto.v1.PageRun.newBuilder()
                .setFirstGfn(gfn)
                .setPages(pages)
                .setEncoding(PageEncoding.PAGE_ENCODING_RAW)
                .setContentBytes(pages * PAGE))
        .setContent(ByteString.copyFrom(source, gfn * PAGE, pages * PAGE));
  }

  @Test
  void landsWhatTheGeneratedClassesWrite() {
    Ram ram = new Ram();
    new PageBatchReader(ram).land(new ByteArrayInputStream(withCrc(generated(9, 4))));
    assertEquals(4 * PAGE, ram.written);
    assertArrayEquals(
        Arrays.copyOfRange(source, 9 * PAGE, 13 * PAGE),
        Arrays.copyOfRange(ram.bytes, 9 * PAGE, 13 * PAGE));
  }

  @Test
  void landsTheLargestBatchThatMayCome() throws Exception {
    Ram ram = new Ram();
    int pages = PageBatch.MAX_CONTENT_PAGES;
    new PageBatchReader(ram)
        .land(new Pieces(bytes(PageBatch.pages(1, 0, List.of(raw(50, pages)))), 100_000));
    assertArrayEquals(
        Arrays.copyOfRange(source, 50 * PAGE, (50 + pages) * PAGE),
        Arrays.copyOfRange(ram.bytes, 50 * PAGE, (50 + pages) * PAGE));
  }

  @Test
  void writesTheSameBytesAsTheGeneratedClasses() throws Exception {
    byte[] ours = bytes(PageBatch.pages(1, 0, List.of(raw(9, 4))));
    assertArrayEquals(withCrc(generated(9, 4)), ours);
  }

  /** A stream as gRPC's: pieces of odd sizes, readable as buffers. */
  @SuppressWarnings("InputStreamSlowMultibyteRead") // it is to be slow
  private static final class Pieces extends InputStream implements HasByteBuffer {
    private final ByteBuffer all;
    private final int piece;

    Pieces(byte[] bytes, int piece) {
      all = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
      this.piece = piece;
    }

    @Override
    public boolean byteBufferSupported() {
      return true;
    }

    @Override
    public ByteBuffer getByteBuffer() {
      return all.slice(all.position(), Math.min(piece, all.remaining()));
    }

    @Override
    public int read() {
      return all.hasRemaining() ? all.get() & 0xFF : -1;
    }

    @Override
    public long skip(long n) {
      int length = (int) Math.min(n, all.remaining());
      all.position(all.position() + length);
      return length;
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 7, 4095, 4096, 16384, 1 << 20})
  void landsFromBuffersOfAnySize(int piece) throws Exception {
    Ram ram = new Ram();
    Arrays.fill(ram.bytes, 20 * PAGE, 30 * PAGE, (byte) 1);
    new PageBatchReader(ram).land(new Pieces(bytes(mixed()), piece));
    for (int[] range : new int[][] {{2, 7}, {20, 30}, {40, 44}}) {
      assertArrayEquals(
          Arrays.copyOfRange(source, range[0] * PAGE, range[1] * PAGE),
          Arrays.copyOfRange(ram.bytes, range[0] * PAGE, range[1] * PAGE));
    }
    assertEquals(10 * PAGE, ram.zeroed);
  }

  /** The pages as they are, as differences to what a destination has. */
  private PageRun delta(int gfn, int pages, byte[] there) {
    byte[] difference = Arrays.copyOfRange(source, gfn * PAGE, (gfn + pages) * PAGE);
    for (int i = 0; i < difference.length; i++) {
      difference[i] ^= there[gfn * PAGE + i];
    }
    return new PageRun(
        gfn,
        pages,
        dev.godwit.wire.PageEncoding.DELTA,
        MemorySegment.ofArray(LZ4Factory.fastestInstance().fastCompressor().compress(difference)));
  }

  @Test
  void landsDifferencesOnWhatIsThere() throws Exception {
    Ram ram = new Ram();
    System.arraycopy(source, 0, ram.bytes, 0, source.length);
    for (int at : new int[] {3 * PAGE, 3 * PAGE + 77, 5 * PAGE - 1, 41 * PAGE + 100}) {
      ram.bytes[at] ^= 0x55;
    }
    byte[] message =
        bytes(
            PageBatch.pages(
                1,
                2,
                List.of(
                    delta(2, 4, ram.bytes),
                    PageRun.unchanged(8, 20),
                    delta(40, 2, ram.bytes),
                    raw(50, 1))));
    assertTrue(message.length < PAGE + 400, () -> message.length + " bytes");
    new PageBatchReader(ram).land(new ByteArrayInputStream(message));
    assertArrayEquals(source, ram.bytes);
    assertEquals(7 * PAGE, ram.written, "unchanged pages are not written");
  }

  @Test
  void refusesDifferencesOfTheWrongLength() {
    assertBlocksOfTheWrongLengthAreRefused(PageEncoding.PAGE_ENCODING_DELTA);
  }

  /** Blocks that decompress to one page and to three, for a run of two. */
  private static void assertBlocksOfTheWrongLengthAreRefused(PageEncoding encoding) {
    for (int blockPages : new int[] {1, 3}) {
      byte[] packed =
          LZ4Factory.fastestInstance().fastCompressor().compress(new byte[blockPages * PAGE]);
      Ram ram = new Ram();
      var batch =
          dev.godwit.proto.v1.PageBatch.newBuilder()
              .setSequence(1)
              .addRuns(
                  dev.godwit.proto.v1.PageRun.newBuilder()
                      .setPages(2)
                      .setEncoding(encoding)
                      .setContentBytes(packed.length))
              .setContent(ByteString.copyFrom(packed));
      assertRefused(
          PeerError.Code.BAD_PAGES,
          () -> new PageBatchReader(ram).land(new ByteArrayInputStream(withCrc(batch))));
      assertEquals(0, ram.written);
    }
  }

  @Test
  void knowsWhichDestinationsLandDifferences() {
    assertTrue(
        dev.godwit.wire.PageEncoding.deltaLands(
            dev.godwit.wire.PageEncoding.consent(dev.godwit.proto.v1.PreflightReply.newBuilder())
                .build()));
    // What a destination answers that was built before there was the encoding.
    assertFalse(
        dev.godwit.wire.PageEncoding.deltaLands(
            dev.godwit.proto.v1.PreflightReply.getDefaultInstance()));
  }

  @Test
  void agreesOnBatchesThatBothSidesCanDo() {
    var consent = dev.godwit.proto.v1.PreflightReply.newBuilder();
    // What a destination answers that takes 16 pages and does not say so.
    assertEquals(16, PageBatch.agreedContentPages(consent.build()));
    assertEquals(16, PageBatch.agreedContentPages(consent.setMaxBatchPages(3).build()));
    assertEquals(50, PageBatch.agreedContentPages(consent.setMaxBatchPages(50).build()));
    assertEquals(128, PageBatch.agreedContentPages(consent.setMaxBatchPages(129).build()));
    assertEquals(128, PageBatch.agreedContentPages(consent.setMaxBatchPages(-1).build()));
  }

  @Test
  void tellsARoundsEnd() throws Exception {
    Ram ram = new Ram();
    PageBatchReader reader = new PageBatchReader(ram);
    reader.land(new ByteArrayInputStream(bytes(PageBatch.pages(1, 0, List.of(raw(0, 1))))));
    Landed end = reader.land(new ByteArrayInputStream(bytes(PageBatch.roundEnd(2, 0, 1))));
    assertEquals(new Landed.RoundEnd(0, 1), end);
    assertEquals(1, ram.endedPages);
  }

  @Test
  void opensWithItsTokenAndSaysWhichStreamItIs() throws Exception {
    byte[] token = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    StreamOpening opening = new StreamOpening(token, 3, 5, 2);
    assertEquals(opening, readOpening(bytes(PageBatch.open(opening)), 2));
    assertRefused(PeerError.Code.PROTOCOL, () -> readOpening(bytes(mixed()), 2));
  }

  private static StreamOpening readOpening(byte[] message, int version) {
    return PageBatchReader.readOpening(new ByteArrayInputStream(message), version);
  }

  @Test
  void refusesAnOpeningWithAnyBitFlipped() throws Exception {
    StreamOpening opening = new StreamOpening(new byte[16], 1, 2, 1);
    byte[] whole = bytes(PageBatch.open(opening));
    assertEquals(opening, readOpening(whole, 2));
    for (int bit = 0; bit < whole.length * 8; bit++) {
      byte[] flipped = whole.clone();
      flipped[bit / 8] ^= (byte) (1 << (bit % 8));
      assertThrows(
          WireException.class, () -> readOpening(flipped, 2), "bit " + bit + " of " + whole.length);
    }
  }

  /** Sources of version 1 had a checksum there that was of nothing. */
  @Test
  void takesOpeningsOfTheFirstVersionAsTheyWere() {
    var first =
        dev.godwit.proto.v1.PageBatch.newBuilder()
            .setToken(ByteString.copyFrom(new byte[16]))
            .setStream(1)
            .setStreams(2)
            .setAttempt(1);
    byte[] message = first.setCrc32C(crc(first.buildPartial())).build().toByteArray();
    assertEquals(new StreamOpening(new byte[16], 1, 2, 1), readOpening(message, 1));
    assertRefused(PeerError.Code.CORRUPT, () -> readOpening(message, 2));
  }

  /** Destinations of version 1 read openings with the generated class, and no checksum. */
  @Test
  void openingsAreTheSameForEarlierDestinations() throws Exception {
    var read =
        dev.godwit.proto.v1.PageBatch.parseFrom(
            bytes(PageBatch.open(new StreamOpening(new byte[] {7}, 3, 5, 2))));
    assertEquals(ByteString.copyFrom(new byte[] {7}), read.getToken());
    assertEquals(List.of(3, 5, 2), List.of(read.getStream(), read.getStreams(), read.getAttempt()));
    assertEquals(0, read.getRunsCount() + read.getContent().size());
    assertEquals(0, read.getUnknownFields().asMap().size());
  }

  private interface Action {
    void run() throws Exception;
  }

  private static void assertRefused(PeerError.Code code, Action action) {
    WireException refusal = assertThrows(WireException.class, action::run);
    assertEquals(code, refusal.code(), refusal.getMessage());
  }

  private static void land(byte[] message) {
    new PageBatchReader(new Ram()).land(new ByteArrayInputStream(message));
  }

  @Test
  void refusesAMessageCutAnywhere() throws Exception {
    byte[] whole = bytes(PageBatch.pages(1, 0, List.of(raw(3, 1), lz4(40, 4))));
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThrows(WireException.class, () -> land(cut), () -> "cut to " + cut.length + " bytes");
    }
  }

  @Test
  void refusesAMessageWithAnyBitFlipped() throws Exception {
    assertFlipsAreRefused(
        bytes(PageBatch.pages(1, 2, List.of(PageRun.zero(20, 4), lz4(40, 4)))), 1);
    assertFlipsAreRefused(bytes(PageBatch.roundEnd(1, 2, 77)), 1);
    assertFlipsAreRefused(bytes(PageBatch.pages(1, 2, List.of(raw(3, 2)))), 61);
  }

  private static void assertFlipsAreRefused(byte[] whole, int step) {
    land(whole);
    for (int bit = 0; bit < whole.length * 8; bit += step) {
      byte[] flipped = whole.clone();
      flipped[bit / 8] ^= (byte) (1 << (bit % 8));
      int at = bit;
      assertThrows(WireException.class, () -> land(flipped), () -> "bit " + at + " flipped");
    }
  }

  @Test
  void refusesAMessageWithSomethingAfterIt() throws Exception {
    byte[] whole = bytes(mixed());
    assertRefused(PeerError.Code.BAD_PAGES, () -> land(Arrays.copyOf(whole, whole.length + 1)));
  }

  @Test
  void refusesMissingAndRepeatedBatches() throws Exception {
    byte[] second = bytes(PageBatch.pages(2, 0, List.of(raw(0, 1))));
    assertRefused(PeerError.Code.BAD_PAGES, () -> land(second));
    byte[] first = bytes(PageBatch.pages(1, 0, List.of(raw(0, 1))));
    PageBatchReader reader = new PageBatchReader(new Ram());
    reader.land(new ByteArrayInputStream(first));
    assertRefused(PeerError.Code.BAD_PAGES, () -> reader.land(new ByteArrayInputStream(first)));
  }

  @Test
  void writesNothingOfABatchOfWhichOnePageIsOutside() throws Exception {
    Ram ram = new Ram();
    byte[] message =
        bytes(PageBatch.pages(1, 0, List.of(raw(0, 2), PageRun.zero(RAM_PAGES - 4, 10))));
    assertRefused(
        PeerError.Code.BAD_PAGES,
        () -> new PageBatchReader(ram).land(new ByteArrayInputStream(message)));
    assertEquals(0, ram.written + ram.zeroed);
  }

  @Test
  void refusesRunsThatMakeNoSense() {
    var run = generated(3, 2).getRuns(0).toBuilder();
    for (var wrong :
        List.of(
            run.clone().setPages(0),
            run.clone().setPages(1),
            run.clone().setPages(17),
            run.clone().setPages(-1),
            run.clone().setFirstGfn(-1),
            run.clone().setFirstGfn(1L << 60),
            run.clone().setContentBytes(-1),
            run.clone().setContentBytes(PAGE),
            run.clone().setEncodingValue(99),
            run.clone().setEncoding(PageEncoding.PAGE_ENCODING_UNSPECIFIED),
            run.clone().setEncoding(PageEncoding.PAGE_ENCODING_ZERO),
            run.clone().setEncoding(PageEncoding.PAGE_ENCODING_LZ4),
            run.clone().setEncoding(PageEncoding.PAGE_ENCODING_DELTA),
            run.clone()
                .setEncoding(PageEncoding.PAGE_ENCODING_DELTA)
                .setContentBytes(0)
                .setPages(PageBatch.MAX_ZERO_PAGES + 1))) {
      byte[] message = withCrc(generated(3, 2).setRuns(0, wrong));
      assertRefused(PeerError.Code.BAD_PAGES, () -> land(message));
    }
  }

  @Test
  void refusesMoreRunsAndMorePagesThanABatchMayHave() throws Exception {
    var many = dev.godwit.proto.v1.PageBatch.newBuilder().setSequence(1);
    for (int i = 0; i <= PageBatch.MAX_RUNS; i++) {
      many.addRuns(
          dev.godwit.proto.v1.PageRun.newBuilder()
              .setFirstGfn(i % 8)
              .setPages(1)
              .setEncoding(PageEncoding.PAGE_ENCODING_ZERO));
    }
    assertRefused(PeerError.Code.BAD_PAGES, () -> land(withCrc(many)));
    int pages = PageBatch.MAX_CONTENT_PAGES + 1;
    assertRefused(PeerError.Code.BAD_PAGES, () -> land(withCrc(generated(3, pages))));
    byte[] block = bytes(PageBatch.pages(1, 0, List.of(lz4(20, PageBatch.BLOCK_PAGES + 1))));
    assertRefused(PeerError.Code.BAD_PAGES, () -> land(block));
    var zeros =
        dev.godwit.proto.v1.PageBatch.newBuilder()
            .setSequence(1)
            .addRuns(
                dev.godwit.proto.v1.PageRun.newBuilder()
                    .setPages(PageBatch.MAX_ZERO_PAGES + 1)
                    .setEncoding(PageEncoding.PAGE_ENCODING_ZERO));
    assertRefused(PeerError.Code.BAD_PAGES, () -> land(withCrc(zeros)));
  }

  @Test
  @SuppressWarnings("InputStreamSlowMultibyteRead") // each byte is counted
  void readsNoMoreThanItMustOfAnOversizedMessage() {
    // Field 14, length 2^31 - 1, and then bytes without end: must fail at the length.
    byte[] head = {0x10, 1, 0x72, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 7};
    long[] taken = {0};
    InputStream endless =
        new InputStream() {
          @Override
          public int read() {
            return taken[0] < head.length ? head[(int) taken[0]++] & 0xFF : (int) (taken[0]++ * 0);
          }
        };
    assertRefused(PeerError.Code.BAD_PAGES, () -> new PageBatchReader(new Ram()).land(endless));
    assertTrue(taken[0] <= head.length, () -> taken[0] + " bytes were read");
  }

  @Test
  void refusesLz4BlocksOfTheWrongLength() {
    assertBlocksOfTheWrongLengthAreRefused(PageEncoding.PAGE_ENCODING_LZ4);
  }
}
