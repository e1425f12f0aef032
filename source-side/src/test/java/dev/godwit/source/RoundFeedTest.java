package dev.godwit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.source.MigrationOptions.Compression;
import dev.godwit.wire.PageBatch;
import dev.godwit.wire.PageBatchReader;
import dev.godwit.wire.PageEncoding;
import dev.godwit.wire.PageRun;
import dev.godwit.wire.PageStream;
import dev.godwit.wire.PageTarget;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a feed says of guest RAM, landed batch by batch, is guest RAM again. */
class RoundFeedTest {
  private static final int PAGES = 600;
  private static final int PAGE = GuestMemory.PAGE_BYTES;

  private final GuestMemory memory = GuestMemory.allocate((long) PAGES * PAGE);
  private final Random random = new Random(42);

  @AfterEach
  void close() {
    memory.close();
  }

  /** A destination that takes differences only to what came in an earlier round. */
  private static final class Destination implements PageTarget {
    final byte[] ram = new byte[PAGES * PAGE];
    final PageSet earlier = new PageSet(PAGES);
    final PageSet now = new PageSet(PAGES);

    @Override
    public void admit(int round, Iterable<IncomingRun> runs) {
      for (IncomingRun run : runs) {
        for (long gfn = run.firstGfn(); gfn < run.firstGfn() + run.pages(); gfn++) {
          assertTrue(!now.contains(gfn), "a page comes twice in round " + round);
          assertTrue(
              run.encoding() != PageEncoding.DELTA || earlier.contains(gfn),
              "a difference to nothing in round " + round);
          now.add(gfn);
        }
      }
    }

    @Override
    public void copyIn(long gpa, MemorySegment source) {
      MemorySegment.copy(source, 0, MemorySegment.ofArray(ram), gpa, source.byteSize());
    }

    @Override
    public void xorIn(long gpa, byte[] difference) {
      for (int i = 0; i < difference.length; i++) {
        ram[(int) gpa + i] ^= difference[i];
      }
    }

    @Override
    public void zero(long gpa, long bytes) {
      Arrays.fill(ram, (int) gpa, (int) (gpa + bytes), (byte) 0);
    }

    @Override
    public void endRound(int round, long pages) {
      assertEquals(now.count(), pages);
      earlier.addAll(now);
      now.clear();
    }
  }

  private static final class Totals {
    long wireBytes;
    long deltaPages;
    long savedBytes;
  }

  private void write(int page, int kind) {
    long gpa = (long) page * PAGE;
    byte[] bytes = new byte[PAGE];
    switch (kind) {
      case 0 -> memory.zero(gpa, PAGE);
      case 1 -> {
        random.nextBytes(bytes);
        memory.copyIn(gpa, bytes);
      }
      case 2 -> memory.dirty().mark(page); // dirty, but the same
      default -> {
        for (int i = 0; i < 5; i++) {
          memory.write64(gpa + 8L * random.nextInt(PAGE / 8), random.nextLong());
        }
      }
    }
  }

  private Totals move(Compression compression, long cacheBytes, int rounds, boolean cuts)
      throws Exception {
    Destination destination = new Destination();
    Totals totals = new Totals();
    PageBatchReader reader = new PageBatchReader(destination);
    CompressionPolicy policy = new CompressionPolicy(compression);
    long sequence = 0;
    try (SentPages sent = new SentPages(cacheBytes, 1)) {
      for (int page = 0; page < PAGES; page++) {
        write(page, page % 3);
      }
      PageSet pages = memory.allPages();
      memory.dirty().harvest(new PageSet(PAGES));
      for (int round = 0; round < rounds; round++) {
        RoundFeed feed =
            new RoundFeed(
                memory,
                pages,
                new PageSet(PAGES),
                round,
                round == rounds - 1,
                PageBatch.MAX_CONTENT_PAGES,
                policy,
                sent,
                new RateLimit(0, 0),
                () -> false);
        List<PageRun> runs = feed.next();
        // The guest goes on writing until the last round.
        while (runs != null) {
          if (round < rounds - 1) {
            write(random.nextInt(PAGES), random.nextInt(8));
          }
          InputStream message =
              PageStream.SENDING.streamRequest(PageBatch.pages(++sequence, round, runs));
          reader.land(message);
          runs = feed.next();
          if (cuts && random.nextInt(8) == 0) {
            // The connection is cut: some batches were on their way, and what they refer to is
            // gone.
            long landed = destination.now.count();
            for (int i = 0; i < random.nextInt(5) && runs != null; i++) {
              runs = feed.next();
            }
            write(random.nextInt(PAGES), round < rounds - 1 ? random.nextInt(8) : 2);
            feed.rewind(landed);
            runs = feed.next();
          }
        }
        destination.endRound(round, feed.sentPages());
        totals.wireBytes += feed.wireBytes();
        totals.deltaPages += feed.deltaPages();
        totals.savedBytes += feed.deltaSavedBytes();
        if (round < rounds - 2) {
          for (int i = 0; i < 150; i++) {
            write(random.nextInt(PAGES), random.nextInt(8));
          }
        }
        pages = new PageSet(PAGES);
        memory.dirty().harvest(pages);
      }
    }
    List<Integer> wrong = new ArrayList<>();
    for (int page = 0; page < PAGES; page++) {
      MemorySegment there =
          MemorySegment.ofArray(destination.ram).asSlice((long) page * PAGE, PAGE);
      if (there.mismatch(memory.view((long) page * PAGE, PAGE)) >= 0) {
        wrong.add(page);
      }
    }
    assertEquals(List.of(), wrong, "pages that are not what they are here");
    return totals;
  }

  @ParameterizedTest
  @CsvSource({
    "OFF, 0",
    "ON, 0",
    "OFF, 270000",
    "ON, 270000",
    "OFF, 600000",
    "ON, 1200000",
    "OFF, 8000000",
    "ON, 8000000"
  })
  void everyPageArrives(Compression compression, long cacheBytes) throws Exception {
    Totals totals = move(compression, cacheBytes, 30, false);
    // Otherwise the policy decides, by what this host is able to.
    if (compression == Compression.ON || cacheBytes == 0) {
      assertEquals(cacheBytes > 0, totals.deltaPages > 0);
    }
  }

  @ParameterizedTest
  @CsvSource({"ON, 270000", "ON, 600000", "ON, 8000000"})
  void everyPageArrivesThoughConnectionsAreCut(Compression compression, long cacheBytes)
      throws Exception {
    assertTrue(move(compression, cacheBytes, 60, true).deltaPages > 0);
  }

  @Test
  void streamsUseAllOfTheirPlaces() {
    try (SentPages sent = new SentPages(8L * 512 * (PAGE + 12), 4)) {
      // The third of four streams has the blocks 2, 6, 10 …
      for (int block = 2; block < 32; block += 4) {
        assertEquals(64, sent.room(block * 512L, 64, 1));
        sent.put(block * 512L, 64, 1);
      }
      assertEquals(64, sent.known(30 * 512L, 64, 2));
    }
  }

  @Test
  void sendsMuchLessWhenPagesChangeALittle() throws Exception {
    Totals plain = move(Compression.ON, 0, 30, false);
    memory.dirty().markRange(0, PAGES);
    Totals delta = move(Compression.ON, 8_000_000, 30, false);
    assertTrue(delta.deltaPages > 1000, () -> "differences: " + delta.deltaPages);
    assertTrue(
        delta.wireBytes < plain.wireBytes * 0.6,
        () -> delta.wireBytes + " bytes, without differences " + plain.wireBytes);
    assertTrue(delta.savedBytes > delta.deltaPages * (PAGE / 2));
  }

  @Test
  void takesNoMoreMemoryThanItMay() {
    try (SentPages none = new SentPages(0, 1);
        SentPages small = new SentPages(100_000, 1);
        SentPages large = new SentPages(64L << 20, 1)) {
      assertEquals(0, none.places());
      assertEquals(0, small.places(), "not even one piece of 64 pages");
      assertTrue(large.places() * (PAGE + 12L) <= 64L << 20);
      assertTrue(large.places() > 16_000);
    }
  }

  /** Its contents would say otherwise. */
  @Test
  void doesNotLookAtWhatNobodyHasTouched() {
    memory.dirty().harvest(new PageSet(PAGES));
    for (int page = 0; page < PAGES; page++) {
      write(page, 1);
    }
    PageSet untouched = new PageSet(PAGES);
    untouched.addRange(10, 90);
    PageSet pages = memory.allPages();
    pages.remove(50);
    try (SentPages sent = new SentPages(0, 1)) {
      RoundFeed feed =
          new RoundFeed(
              memory,
              pages,
              untouched,
              0,
              false,
              PageBatch.MAX_CONTENT_PAGES,
              new CompressionPolicy(Compression.OFF),
              sent,
              new RateLimit(0, 0),
              () -> false);
      List<PageRun> zero = new ArrayList<>();
      for (List<PageRun> runs = feed.next(); runs != null; runs = feed.next()) {
        runs.stream().filter(run -> run.encoding() == PageEncoding.ZERO).forEach(zero::add);
      }
      assertEquals(
          List.of("10+40", "51+49"),
          zero.stream().map(run -> run.firstGfn() + "+" + run.pages()).toList());
      assertEquals(PAGES - 1, feed.sentPages());
      assertEquals(89, feed.zeroPages());
    }
  }
}
