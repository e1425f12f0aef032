package dev.godwit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.snapshot.Section;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import dev.godwit.wire.PageRun;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which pages are in which round. */
class PreCopyTest {
  private static final int PAGES = 2048;

  private final GuestMemory memory = GuestMemory.allocate((long) PAGES * GuestMemory.PAGE_BYTES);
  private final RecordingSink sink = new RecordingSink();
  private final PreCopy preCopy =
      new PreCopy(
          memory,
          sink,
          // So long that it has time for any number of pages, however slow this host is.
          MigrationOptions.DEFAULT.withMaxDowntime(Duration.ofMinutes(10)),
          new ProgressMeter(memory.dirty(), MigrationListener.NONE),
          () -> false);

  @AfterEach
  void close() {
    preCopy.close();
    memory.close();
  }

  /** Takes all pages, and notes which. */
  private static final class RecordingSink implements StateSink {
    final List<PageSet> rounds = new ArrayList<>();

    PageSet last() {
      return rounds.getLast();
    }

    @Override
    public boolean takesLz4() {
      return false;
    }

    @Override
    public boolean takesDelta() {
      return false;
    }

    @Override
    public void begin(StreamHeader header) {}

    @Override
    public void sendPages(List<? extends PageFeed> feeds) {
      PageSet pages = new PageSet(PAGES);
      PageFeed feed = feeds.getFirst();
      for (List<PageRun> runs = feed.next(); runs != null; runs = feed.next()) {
        runs.forEach(run -> pages.addRange(run.firstGfn(), run.pages()));
      }
      rounds.add(pages);
    }

    @Override
    public void prepare(List<Section> sections, StreamMetadata metadata) {}

    @Override
    public long fixedPauseNanos() {
      return 0;
    }

    @Override
    public HandoverAnswer commit(LongSupplier stoppedNanos) {
      return new HandoverAnswer.Taken();
    }

    @Override
    public HandoverAnswer query() {
      return new HandoverAnswer.Taken();
    }

    @Override
    public void release() {}

    @Override
    public void abort(MigrationException why) {}

    @Override
    public void close() {}
  }

  private void guestWrites(long gfn) {
    memory.write64(gfn << GuestMemory.PAGE_SHIFT, System.nanoTime() | 1);
  }

  private void guestWritesHotPagesAnd(long other) {
    for (long gfn = 100; gfn < 110; gfn++) {
      guestWrites(gfn);
    }
    guestWrites(other);
  }

  @Test
  void holdsHotPagesBackUntilTheEndAndThenSendsThem() {
    for (long gfn = 0; gfn < PAGES; gfn++) {
      guestWrites(gfn);
    }
    preCopy.firstRound();
    assertEquals(PAGES, sink.last().count());
    for (int round = 1; round < 6; round++) {
      guestWritesHotPagesAnd(1000 + round);
      preCopy.round();
      assertTrue(sink.last().contains(1000 + round));
      assertEquals(round < 2 ? 11 : 1, sink.last().count(), "in round " + round);
    }
    // Counted once each, whether they are waiting, dirty, or both.
    guestWritesHotPagesAnd(1500);
    assertEquals(11, preCopy.measured().dirtyPages());
    preCopy.harvest();
    assertEquals(11, preCopy.measured().dirtyPages());
    preCopy.lastRound(List::of);
    assertEquals(11, sink.last().count());
    assertEquals(0, preCopy.measured().dirtyPages());
  }

  @Test
  void sendsWhatHasBecomeColdBeforeTheEnd() {
    preCopy.firstRound();
    for (int round = 1; round < 4; round++) {
      guestWritesHotPagesAnd(1000);
      preCopy.round();
    }
    assertFalse(sink.last().contains(105));
    for (int round = 0; round < 4 && !sink.last().contains(105); round++) {
      guestWrites(1000);
      preCopy.round();
    }
    assertTrue(sink.last().contains(105));
    preCopy.harvest();
    preCopy.lastRound(List::of);
    assertFalse(sink.last().contains(105));
  }

  @Test
  void marksHeldPagesAgainWhenTheMachineStays() {
    preCopy.firstRound();
    for (int round = 1; round < 4; round++) {
      guestWritesHotPagesAnd(1000);
      preCopy.round();
    }
    preCopy.mergeBack();
    PageSet dirty = new PageSet(PAGES);
    memory.dirty().harvest(dirty);
    assertTrue(dirty.contains(105) && dirty.contains(1000));
  }
}
