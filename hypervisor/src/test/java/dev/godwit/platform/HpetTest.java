package dev.godwit.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.godwit.bus.AddressMap;
import dev.godwit.proto.v1.HpetSection;
import dev.godwit.snapshot.SnapshotException;
import org.junit.jupiter.api.Test;

final class HpetTest {
  private static final long CONFIGURATION = 0x010;
  private static final long STATUS = 0x020;
  private static final long COUNTER = 0x0F0;
  private static final int ENABLE = 1;
  private static final int LEGACY = 2;
  private static final int LEVEL = 1 << 1;
  private static final int INTERRUPT = 1 << 2;
  private static final int PERIODIC = 1 << 3;
  private static final int SET_ACCUMULATOR = 1 << 6;
  private static final int FORCED_32_BIT = 1 << 8;
  private static final int FSB = 1 << 14;
  private static final int TICK_NANOS = 10;

  /** IRQ 0 is vector 0x30, IRQ 8 is 0x38, GSI 14 and 15 are 0x3E and 0x3F. */
  private static TestBoard board() {
    TestBoard board = new TestBoard(1);
    board.enabledApic(0);
    board.redirect(2, 0x30);
    board.redirect(8, 0x38);
    board.redirect(14, 0x3E);
    board.redirect(15, 1 << 15 | 0x3F);
    return board;
  }

  private static void write(TestBoard board, long register, long value) {
    board.mmio.write(AddressMap.HPET_GPA + register, 8, value);
  }

  private static long read(TestBoard board, long register) {
    return board.mmio.read(AddressMap.HPET_GPA + register, 8);
  }

  private static long configuration(int timer) {
    return 0x100 + 0x20L * timer;
  }

  private static long comparator(int timer) {
    return 0x108 + 0x20L * timer;
  }

  private static long route(int timer) {
    return 0x110 + 0x20L * timer;
  }

  private static void expectAt(TestBoard board, int vector, long guestNanos) {
    board.advance(guestNanos - 1 - board.clock.nowNanos());
    assertEquals(-1, board.takeAndEnd(), "too early");
    board.advance(1);
    assertEquals(vector, board.takeAndEnd(), "too late");
  }

  @Test
  void saysWhatItIs() {
    try (TestBoard board = board()) {
      assertEquals(10_000_000L << 32 | 0x8086A201L, read(board, 0));
      assertEquals(10_000_000L, board.mmio.read(AddressMap.HPET_GPA + 4, 4));
      assertEquals(0xC000L << 32 | 0x8030, read(board, configuration(2)));
    }
  }

  @Test
  void countsWhileEnabled() {
    try (TestBoard board = board()) {
      board.advance(1000);
      assertEquals(0, read(board, COUNTER));
      write(board, COUNTER, 0x1_FFFF_FFF0L);
      write(board, CONFIGURATION, ENABLE);
      board.advance(16 * TICK_NANOS);
      assertEquals(0x2_0000_0000L, read(board, COUNTER));
      assertEquals(2, board.mmio.read(AddressMap.HPET_GPA + COUNTER + 4, 4));
      write(board, CONFIGURATION, 0);
      board.advance(1000);
      assertEquals(0x2_0000_0000L, read(board, COUNTER));
    }
  }

  @Test
  void interruptsOnceWhenTheComparatorMatches() {
    try (TestBoard board = board()) {
      write(board, configuration(0), INTERRUPT | 14 << 9);
      write(board, CONFIGURATION, ENABLE);
      write(board, comparator(0), 5000);
      expectAt(board, 0x3E, 5000 * TICK_NANOS);
      board.advance(100_000_000_000L);
      assertEquals(-1, board.takeAndEnd());
    }
  }

  @Test
  void matchesAgainWhenA32BitCounterHasWrapped() {
    try (TestBoard board = board()) {
      write(board, configuration(0), INTERRUPT | FORCED_32_BIT | 14 << 9);
      write(board, CONFIGURATION, ENABLE);
      board.advance(100_000);
      write(board, comparator(0), 5000);
      expectAt(board, 0x3E, (1L << 32) * TICK_NANOS + 5000 * TICK_NANOS);
      expectAt(board, 0x3E, (2L << 32) * TICK_NANOS + 5000 * TICK_NANOS);
    }
  }

  @Test
  void replacesTheTimerInterruptPeriodicallyAsLinuxProgramsIt() {
    try (TestBoard board = board()) {
      board.out(0x43, 0x34);
      board.out(0x40, 0x9C);
      board.out(0x40, 0x2E);
      write(board, CONFIGURATION, ENABLE | LEGACY);
      write(board, configuration(0), INTERRUPT | PERIODIC | SET_ACCUMULATOR | FORCED_32_BIT);
      board.mmio.write(AddressMap.HPET_GPA + comparator(0), 4, 400_000);
      board.mmio.write(AddressMap.HPET_GPA + comparator(0), 4, 300_000);
      expectAt(board, 0x30, 4_000_000);
      expectAt(board, 0x30, 7_000_000);
      expectAt(board, 0x30, 10_000_000);
      assertEquals(1_300_000, read(board, comparator(0)));
    }
  }

  @Test
  void makesUpForTicksThatTheGuestCouldNotTake() {
    try (TestBoard board = board()) {
      write(board, CONFIGURATION, ENABLE | LEGACY);
      write(board, configuration(0), INTERRUPT | PERIODIC | SET_ACCUMULATOR);
      write(board, comparator(0), 400_000);
      write(board, comparator(0), 400_000);
      board.advance(20_000_000); // the clock's thread itself was late
      assertEquals(5, board.takeAllThatAreOwed(0x30));
      board.advance(24_000_000 - board.clock.nowNanos());
      board.advance(4_000_000);
      board.advance(4_000_000); // the vCPU was late
      assertEquals(0x30, board.takeAndEnd());
      assertEquals(0, board.takeAllThatAreOwed(0x30), "not before the next match notices");
      board.advance(36_000_000 - board.clock.nowNanos());
      assertEquals(3, board.takeAllThatAreOwed(0x30));
      expectAt(board, 0x30, 40_000_000);
      assertEquals(4_400_000, read(board, comparator(0)));
    }
  }

  @Test
  void disconnectsThePitWhileItReplacesIt() {
    try (TestBoard board = board()) {
      board.out(0x43, 0x34);
      board.out(0x40, 0x9C);
      board.out(0x40, 0x2E);
      write(board, CONFIGURATION, ENABLE | LEGACY);
      board.advance(100_000_000);
      assertEquals(-1, board.takeAndEnd());
      write(board, CONFIGURATION, ENABLE);
      board.takeAndEnd();
      board.advance(11_000_000);
      assertEquals(0x30, board.takeAndEnd());
    }
  }

  @Test
  void replacesTheRtcInterruptByTimer1() {
    try (TestBoard board = board()) {
      write(board, configuration(1), INTERRUPT);
      write(board, CONFIGURATION, ENABLE | LEGACY);
      write(board, comparator(1), 700);
      expectAt(board, 0x38, 700 * TICK_NANOS);
    }
  }

  @Test
  void holdsALevelInterruptUntilItsStatusIsCleared() {
    try (TestBoard board = board()) {
      write(board, configuration(2), INTERRUPT | LEVEL | 15 << 9);
      write(board, CONFIGURATION, ENABLE);
      write(board, comparator(2), 700);
      expectAt(board, 0x3F, 700 * TICK_NANOS);
      assertEquals(4, read(board, STATUS));
      assertEquals(0x3F, board.takeAndEnd(), "still held");
      write(board, STATUS, 4);
      board.takeAndEnd();
      assertEquals(-1, board.takeAndEnd());
      assertEquals(0, read(board, STATUS));
    }
  }

  @Test
  void releasesAHeldLineWhenTheTimerIsTurnedOff() {
    try (TestBoard board = board()) {
      write(board, configuration(2), INTERRUPT | LEVEL | 15 << 9);
      write(board, CONFIGURATION, ENABLE);
      write(board, comparator(2), 700);
      board.advance(100_000);
      write(board, configuration(2), LEVEL | 15 << 9);
      board.takeAndEnd();
      assertEquals(-1, board.takeAndEnd());
    }
  }

  @Test
  void sendsMessagesWhenRoutedToTheFrontSideBus() {
    try (TestBoard board = board()) {
      write(board, route(2), 0xFEE00000L << 32 | 0x77);
      write(board, configuration(2), INTERRUPT | FSB);
      write(board, CONFIGURATION, ENABLE);
      write(board, comparator(2), 700);
      expectAt(board, 0x77, 700 * TICK_NANOS);
    }
  }

  @Test
  void goesOnAfterMigration() {
    try (TestBoard board = board()) {
      write(board, CONFIGURATION, ENABLE | LEGACY);
      write(board, configuration(0), INTERRUPT | PERIODIC | SET_ACCUMULATOR);
      write(board, comparator(0), 100_000);
      write(board, comparator(0), 100_000);
      write(board, configuration(2), INTERRUPT | LEVEL | 15 << 9);
      write(board, comparator(2), 120_000);
      board.advance(1_000_000);
      assertEquals(0x30, board.takeAndEnd());
      board.advance(300_000);
      assertEquals(0x3F, board.take(0));
      try (TestBoard other = board.migrate()) {
        assertEquals(130_000, read(other, COUNTER));
        assertEquals(-1, other.take(0));
        write(other, STATUS, 4);
        other.eoi(0);
        expectAt(other, 0x30, 2_000_000);
        expectAt(other, 0x30, 3_000_000);
      }
    }
  }

  @Test
  void refusesStateThatNoHpetCouldHaveWritten() {
    try (TestBoard board = board()) {
      board.clock.freeze();
      HpetPart part =
          (HpetPart)
              board.platform.stateParts().stream()
                  .filter(HpetPart.class::isInstance)
                  .findFirst()
                  .orElseThrow();
      HpetSection good = part.save();
      for (HpetSection.Builder damaged :
          new HpetSection.Builder[] {
            good.toBuilder().setConfiguration(4),
            good.toBuilder().setStatus(8),
            good.toBuilder().setStartNanos(1),
            good.toBuilder().removeTimers(1),
            good.toBuilder().setTimers(1, good.getTimers(1).toBuilder().setConfiguration(0x8000)),
            good.toBuilder().setTimers(1, good.getTimers(1).toBuilder().setNextMatchNanos(-9)),
          }) {
        var refusal =
            assertThrows(
                SnapshotException.class, () -> part.restore(damaged.build()), damaged::toString);
        assertEquals(SnapshotException.Code.BAD_VALUE, refusal.code());
      }
      assertEquals(good, part.save());
    }
  }
}
