package dev.godwit.e2e.bench;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.guest.GuestAssets;
import dev.godwit.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Moving a guest takes memory that does not grow with the guest. */
class MemoryOfBothEndsTest {
  private static final long MIB = 1 << 20;

  /**
   * What a process may have of its own beyond its guest's RAM: 256 MiB of heap and direct memory,
   * and a quarter of that for what else is in what the kernel counts: compiled code, the compilers'
   * own memory, class metadata, stacks.
   */
  private static final long ALLOWED_BYTES = (256 + 64) * MIB;

  /**
   * How much more that may become in the second half of the time: the young part of the heap is
   * filled once before it is used again.
   */
  private static final long FLAT_BYTES = 96 * MIB;

  /** Fewer looks would not tell whether it grows. */
  private static final int TELLING_LOOKS = 8;

  private static final long SETTLE_MILLIS = 1000;

  @Test
  void bothEndsStayFlatWhileAGuestOfFourGibMoves() throws Exception {
    MigrationWishes wishes =
        new MigrationWishes(Duration.ofSeconds(10), Duration.ofMinutes(4), 100);
    try (GodwitGuest guest =
        new GodwitGuest(GuestAssets.prepare(message -> {}), MigrationScenario.FILLED_4G, wishes)) {
      Process destination = guest.prepare(GodwitGuest.DEFAULT);
      Thread.sleep(SETTLE_MILLIS);
      ProcessMeter source = new ProcessMeter(guest.source(), true, false);
      ProcessMeter target = new ProcessMeter(destination, true, false);
      LiveGuest.Moved moved;
      try (source;
          target) {
        moved = guest.move();
      }
      assertNull(moved.failure(), moved.failure());
      guest.settle(true);
      assertTrue(moved.bytes() > 1024 * MIB, "it had little to move: " + moved);
      assertFlat("source", source.looksBeyondRamBytes());
      assertFlat("destination", target.looksBeyondRamBytes());
    }
  }

  private static void assertFlat(String end, List<Long> looks) {
    String seen =
        "MiB of its own that the %s had beyond the guest's RAM, from look to look: %s"
            .formatted(end, looks.stream().map(bytes -> bytes / MIB).toList());
    System.out.println(seen);
    assertTrue(looks.size() >= TELLING_LOOKS, seen);
    long first = most(looks.subList(0, looks.size() / 2));
    long second = most(looks.subList(looks.size() / 2, looks.size()));
    assertTrue(Math.max(first, second) <= ALLOWED_BYTES, seen);
    assertTrue(second - first <= FLAT_BYTES, seen);
  }

  private static long most(List<Long> looks) {
    return looks.stream().mapToLong(Long::longValue).max().orElseThrow();
  }

  /** The proof that the test above can fail, and does not fail for the guest's RAM. */
  @Test
  void guestRamIsToldFromOtherMemory() throws Exception {
    long pid = ProcessHandle.current().pid();
    long bytes = 128 * MIB;
    try (GuestMemory memory = GuestMemory.allocate(bytes);
        Arena arena = Arena.ofConfined()) {
      long before = ProcessMeter.anonymousBeyondRamBytes(pid);
      for (long gpa = 0; gpa < bytes; gpa += GuestMemory.PAGE_BYTES) {
        memory.write8(gpa, 1);
      }
      long withRam = ProcessMeter.anonymousBeyondRamBytes(pid);
      assertTrue(withRam - before < bytes / 2, before + " " + withRam);
      arena.allocate(bytes); // zeroed, and so touched
      long withMore = ProcessMeter.anonymousBeyondRamBytes(pid);
      assertTrue(withMore - withRam >= bytes / 2, withRam + " " + withMore);
    }
  }
}
