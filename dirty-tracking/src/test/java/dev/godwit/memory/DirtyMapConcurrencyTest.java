package dev.godwit.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/**
 * The claim on which pre-copy rests: what a harvest-then-copy loop has copied at the end is what
 * the writers wrote.
 */
class DirtyMapConcurrencyTest {
  private static final int PAGES = 256;
  private static final int WRITERS = 3;

  @Test
  void noWriteEscapesHarvestThenCopy() throws Exception {
    try (GuestMemory source = GuestMemory.allocate(PAGES * 4096L);
        GuestMemory copy = GuestMemory.allocate(PAGES * 4096L)) {
      AtomicBoolean stop = new AtomicBoolean();
      List<Thread> writers = new ArrayList<>();
      for (int w = 0; w < WRITERS; w++) {
        int writer = w;
        writers.add(Thread.ofPlatform().start(() -> write(source, writer, stop)));
      }
      PageSet dirty = new PageSet(source.framePages());
      long end = System.nanoTime() + 1_500_000_000L;
      while (System.nanoTime() < end) {
        copyDirty(source, copy, dirty);
      }
      stop.set(true);
      for (Thread thread : writers) {
        thread.join();
      }
      copyDirty(source, copy, dirty);
      assertEquals(
          -1,
          MemorySegment.mismatch(
              source.view(0, PAGES * 4096L),
              0,
              PAGES * 4096L,
              copy.view(0, PAGES * 4096L),
              0,
              PAGES * 4096L));
    }
  }

  /** The engine's store path: data by its hva, then the mark. */
  private static void write(GuestMemory memory, int writer, AtomicBoolean stop) {
    SplittableRandom random = new SplittableRandom(writer);
    long value = 0;
    while (!stop.get()) {
      for (int i = 0; i < 1000; i++) {
        long gpa = random.nextInt(PAGES) * 4096L + writer * 8L;
        HostMemory.ALL.set(
            java.lang.foreign.ValueLayout.JAVA_LONG, memory.baseHva() + gpa, ++value);
        DirtyMap.markAt(memory.dirty().baseHva() + (gpa >>> 12));
      }
    }
  }

  private static void copyDirty(GuestMemory source, GuestMemory copy, PageSet dirty) {
    dirty.clear();
    source.dirty().harvest(dirty);
    dirty.forEachRun(
        (first, count) -> copy.copyIn(first << 12, source.view(first << 12, count << 12)));
  }
}
