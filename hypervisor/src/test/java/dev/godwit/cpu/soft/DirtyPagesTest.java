package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.memory.PageSet;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What vCPUs write is found by harvests, whenever those come. */
@Timeout(60)
class DirtyPagesTest {
  private static final long DATA = 0x20_0000;
  private static final int PAGES = 3;
  private static final int COPIES = 40;

  /** Writes to three pages, by each way to store, until its end is asked for. */
  private static final String WRITER =
      """
      48c7c700002000
      48ff07 488b07 48898700100000 c6871020000001 48898700200000 488da700300000 50 58 ebda
      """;

  private static PageSet harvest(Guest g) {
    PageSet pages = new PageSet(g.memory.framePages());
    g.memory.dirty().harvest(pages);
    return pages;
  }

  private static void copy(Guest g, PageSet pages, long[] copies) {
    for (int i = 0; i < PAGES; i++) {
      if (pages.contains(DATA + 4096L * i >>> 12)) {
        copies[2 * i] = g.memory.read64(DATA + 4096L * i);
        copies[2 * i + 1] = g.memory.read64(DATA + 4096L * i + 4088);
      }
    }
  }

  private static long[] contents(Guest g) {
    long[] now = new long[2 * PAGES];
    PageSet all = g.memory.allPages();
    copy(g, all, now);
    return now;
  }

  @Test
  void aPageIsFoundAgainWhenItIsWrittenAgain() {
    // mov %rax,0x200000; out %al,$0xf4; and again
    try (Guest g =
        Guest.longMode("48890425 00002000 e6f4 48890425 00002000 e6f4 488b0425 00002000 e6f4")) {
      g.run();
      assertTrue(harvest(g).contains(DATA >>> 12));
      g.run();
      assertTrue(harvest(g).contains(DATA >>> 12));
      g.run();
      assertFalse(harvest(g).contains(DATA >>> 12), "it was only read");
    }
  }

  @Test
  void nothingIsLostWhileTwoVcpusWriteAndHarvestsComeAtAnyTime() throws Exception {
    try (Guest g = Guest.longMode(WRITER);
        SoftVcpu second = g.secondVcpu(Guest.CODE)) {
      harvest(g);
      long[] copies = contents(g);
      for (int round = 0; round < 10; round++) {
        CyclicBarrier start = new CyclicBarrier(3);
        List<Thread> threads = new ArrayList<>();
        for (SoftVcpu vcpu : List.of(g.vcpu, second)) {
          threads.add(
              Thread.ofPlatform()
                  .start(
                      () -> {
                        await(start);
                        vcpu.run();
                      }));
        }
        await(start);
        for (int i = 0; i < COPIES; i++) {
          copy(g, harvest(g), copies);
        }
        g.vcpu.requestExit();
        second.requestExit();
        for (Thread thread : threads) {
          thread.join();
        }
        copy(g, harvest(g), copies);
        assertArrayEquals(contents(g), copies, "round " + round);
      }
      assertTrue(copies[0] > 0);
    }
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await();
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }
}
