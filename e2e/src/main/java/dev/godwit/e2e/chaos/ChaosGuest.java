package dev.godwit.e2e.chaos;

import dev.godwit.e2e.guest.BareMetal;
import dev.godwit.machine.Machine;
import dev.godwit.machine.Machine.VcpuLock;
import dev.godwit.memory.GuestMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The guest of the chaos tests as the host sees it: {@code guest.c} says what it does. */
final class ChaosGuest {
  static final long RAM_BYTES = 16L << 20;

  private static final long STEP_GPA = 0x30_0000;
  private static final long WORKING_GPA = 0x40_0000;
  private static final int WORKING_PAGES = 512;
  private static final long STATIC_GPA = 0x80_0000;
  private static final int STATIC_PAGES = 256;

  /** The static pages are written as if by steps that never come. */
  private static final long STATIC_STEP = 1L << 62;

  private static final int WORDS = GuestMemory.PAGE_BYTES / Long.BYTES;

  private ChaosGuest() {}

  /** Compiles it; returns the image, a Multiboot kernel, in a folder. */
  static Path build(Path folder) throws IOException, InterruptedException {
    return BareMetal.build(folder, ChaosGuest.class, List.of("guest-boot.S", "guest.c"), List.of());
  }

  /** Writes the pages that nobody changes. Before the start only. */
  static void prepare(GuestMemory memory) {
    byte[] page = new byte[GuestMemory.PAGE_BYTES];
    for (int i = 0; i < STATIC_PAGES; i++) {
      long x = firstWord(STATIC_STEP + i);
      for (int word = 0; word < WORDS; word++) {
        x = nextWord(x);
        for (int b = 0; b < Long.BYTES; b++) {
          page[word * Long.BYTES + b] = (byte) (x >>> 8 * b);
        }
      }
      memory.copyIn(STATIC_GPA + (long) i * page.length, page);
    }
  }

  /** Checks all that it keeps in RAM, under the lock; returns what is wrong, or nothing. */
  static String check(Machine machine) {
    try (VcpuLock lock = machine.lockAllVcpus()) {
      return check(machine.memory());
    }
  }

  private static String check(GuestMemory memory) {
    long step = memory.read64(STEP_GPA);
    if (step < WORKING_PAGES) {
      return "";
    }
    for (int i = 0; i < WORKING_PAGES; i++) {
      // The last step before this one that wrote page i; page step % WORKING may be half rewritten.
      long writer = step - 1 - Math.floorMod(step - 1 - i, (long) WORKING_PAGES);
      boolean inHand = i == step % WORKING_PAGES;
      int word = mismatch(memory, WORKING_GPA, i, writer, inHand ? step : writer);
      if (word >= 0) {
        return "at step %d word %d of page %d is not what step %d wrote"
            .formatted(step, word, i, writer);
      }
    }
    for (int i = 0; i < STATIC_PAGES; i++) {
      int word = mismatch(memory, STATIC_GPA, i, STATIC_STEP + i, STATIC_STEP + i);
      if (word >= 0) {
        return "word %d of static page %d has changed".formatted(word, i);
      }
    }
    return "";
  }

  /** The first words of a page may be a newer step's, the rest is an older one's. */
  private static int mismatch(
      GuestMemory memory, long firstGpa, int page, long olderStep, long newerStep) {
    long gpa = firstGpa + ((long) page << GuestMemory.PAGE_SHIFT);
    long older = firstWord(olderStep);
    long newer = firstWord(newerStep);
    boolean rewritten = true;
    for (int word = 0; word < WORDS; word++) {
      older = nextWord(older);
      newer = nextWord(newer);
      long held = memory.read64(gpa + (long) word * Long.BYTES);
      rewritten &= held == newer;
      if (!rewritten && held != older) {
        return word;
      }
    }
    return -1;
  }

  private static long firstWord(long step) {
    return (step + 1) * 0x9E3779B97F4A7C15L ^ 0xC2B2AE3D27D4EB4FL;
  }

  private static long nextWord(long word) {
    long x = word;
    x ^= x << 13;
    x ^= x >>> 7;
    x ^= x << 17;
    return x;
  }
}
