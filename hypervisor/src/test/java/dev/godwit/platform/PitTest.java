package dev.godwit.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.clock.Frequencies;
import dev.godwit.clock.GuestClock;
import dev.godwit.snapshot.SnapshotException;
import org.junit.jupiter.api.Test;

final class PitTest {
  private static final int CONTROL = 0x43;
  private static final int PORT_B = 0x61;

  /** A board whose timer interrupt is vector 0x30. */
  private static TestBoard board() {
    TestBoard board = new TestBoard(1);
    board.enabledApic(0);
    board.redirect(2, 0x30);
    return board;
  }

  private static void program(TestBoard board, int channel, int mode, int count) {
    board.out(CONTROL, channel << 6 | 0x30 | mode << 1);
    board.out(0x40 + channel, count & 0xFF);
    board.out(0x40 + channel, count >>> 8);
  }

  private static int read(TestBoard board, int channel) {
    int low = board.in(0x40 + channel);
    return low | board.in(0x40 + channel) << 8;
  }

  private static int latchAndRead(TestBoard board, int channel) {
    board.out(CONTROL, channel << 6);
    return read(board, channel);
  }

  private static long nanos(long ticks) {
    return GuestClock.nanosAt(ticks, Frequencies.PIT_HZ);
  }

  /** Lets time pass up to just before and then just after a moment, counted from zero. */
  private static void expectEdgeAt(TestBoard board, long guestNanos) {
    board.advance(guestNanos - 1 - board.clock.nowNanos());
    assertEquals(-1, board.takeAndEnd(), "too early");
    board.advance(1);
    assertEquals(0x30, board.takeAndEnd(), "too late");
  }

  @Test
  void interruptsAtEachPeriodInRateMode() {
    try (TestBoard board = board()) {
      program(board, 0, 2, 11_932);
      for (int i = 1; i <= 5; i++) {
        expectEdgeAt(board, nanos(11_932L * i));
      }
    }
  }

  @Test
  void interruptsAtEachPeriodInSquareMode() {
    try (TestBoard board = board()) {
      program(board, 0, 3, 11_933);
      for (int i = 1; i <= 5; i++) {
        expectEdgeAt(board, nanos(11_933L * i));
      }
    }
  }

  @Test
  void makesUpForTicksThatTheGuestCouldNotTake() {
    try (TestBoard board = board()) {
      program(board, 0, 2, 4773); // 250 a second
      board.advance(nanos(4773L * 5)); // the clock's thread itself was late
      assertEquals(5, board.takeAllThatAreOwed(0x30));
      board.advance(nanos(4773L * 6) - board.clock.nowNanos());
      board.advance(nanos(4773L * 7) - board.clock.nowNanos());
      board.advance(nanos(4773L * 8) - board.clock.nowNanos()); // the vCPU was late
      assertEquals(0x30, board.takeAndEnd());
      assertEquals(0, board.takeAllThatAreOwed(0x30), "not before the next edge notices");
      board.advance(nanos(4773L * 9) - board.clock.nowNanos());
      assertEquals(3, board.takeAllThatAreOwed(0x30));
      expectEdgeAt(board, nanos(4773L * 10));
    }
  }

  @Test
  void forgivesTicksThatWereMissedLongAgo() {
    try (TestBoard board = board()) {
      program(board, 0, 2, 4773);
      board.advance(60_000_000_000L);
      int made = board.takeAllThatAreOwed(0x30);
      assertTrue(made >= 64 && made <= 66, made + ", of which one or two were due meanwhile");
    }
  }

  @Test
  void interruptsOnceAtTheTerminalCount() {
    try (TestBoard board = board()) {
      program(board, 0, 0, 1000);
      expectEdgeAt(board, nanos(1000));
      board.advance(1_000_000_000);
      assertEquals(-1, board.takeAndEnd());
    }
  }

  @Test
  void interruptsOnceAfterTheStrobe() {
    try (TestBoard board = board()) {
      program(board, 0, 4, 1000);
      expectEdgeAt(board, nanos(1001));
      board.advance(1_000_000_000);
      assertEquals(-1, board.takeAndEnd());
    }
  }

  @Test
  void stopsInterruptingWhenAControlWordForgetsTheCount() {
    try (TestBoard board = board()) {
      program(board, 0, 2, 11_932);
      board.out(CONTROL, 0x34);
      board.advance(1_000_000_000);
      assertEquals(-1, board.takeAndEnd());
    }
  }

  @Test
  void countsDownInRateMode() {
    try (TestBoard board = board()) {
      program(board, 0, 2, 1000);
      assertEquals(1000, latchAndRead(board, 0));
      board.advance(nanos(1));
      assertEquals(999, latchAndRead(board, 0));
      board.advance(nanos(999) - nanos(1));
      assertEquals(1, latchAndRead(board, 0));
      board.advance(nanos(1000) - nanos(999));
      assertEquals(1000, latchAndRead(board, 0));
    }
  }

  @Test
  void takesZeroForTheFullCount() {
    try (TestBoard board = board()) {
      program(board, 0, 2, 0);
      assertEquals(0, latchAndRead(board, 0));
      board.advance(nanos(1));
      assertEquals(0xFFFF, latchAndRead(board, 0));
      expectEdgeAt(board, nanos(65_536));
    }
  }

  @Test
  void wrapsAfterTheTerminalCount() {
    try (TestBoard board = board()) {
      program(board, 2, 0, 10);
      board.out(PORT_B, 1);
      board.advance(nanos(12));
      assertEquals(0xFFFE, latchAndRead(board, 2));
    }
  }

  @Test
  void keepsTheFirstLatchedCountUntilItIsRead() {
    try (TestBoard board = board()) {
      program(board, 0, 2, 1000);
      board.out(CONTROL, 0x00);
      board.advance(nanos(100));
      board.out(CONTROL, 0x00);
      assertEquals(1000, read(board, 0));
      assertEquals(900, read(board, 0));
    }
  }

  @Test
  void readsBackStatusThenCount() {
    try (TestBoard board = board()) {
      board.out(CONTROL, 0x34);
      board.out(CONTROL, 0xE2);
      assertEquals(0x80 | 0x40 | 0x34, board.in(0x40), "no count yet");
      board.out(0x40, 0xE8);
      board.out(0x40, 0x03);
      board.advance(nanos(8));
      board.out(CONTROL, 0xC2);
      board.advance(nanos(8));
      assertEquals(0x80 | 0x34, board.in(0x40));
      assertEquals(992, read(board, 0));
    }
  }

  @Test
  void countsInDecimalWhenAsked() {
    try (TestBoard board = board()) {
      board.out(CONTROL, 0x35);
      board.out(0x40, 0x00);
      board.out(0x40, 0x10);
      board.advance(nanos(1));
      assertEquals(0x0999, latchAndRead(board, 0));
    }
  }

  @Test
  void readsAndWritesSingleBytes() {
    try (TestBoard board = board()) {
      board.out(CONTROL, 0x14);
      board.out(0x40, 200);
      assertEquals(200, board.in(0x40));
      board.out(CONTROL, 0x24);
      board.out(0x40, 2);
      assertEquals(2, board.in(0x40));
      expectEdgeAt(board, nanos(512));
    }
  }

  @Test
  void showsChannel2ThroughPort61() {
    try (TestBoard board = board()) {
      board.out(PORT_B, 0);
      program(board, 2, 0, 1000);
      board.advance(nanos(2000));
      assertEquals(0x00, board.in(PORT_B) & 0x23, "the gate is closed: it does not count");
      board.out(PORT_B, 1);
      long opened = board.clock.nowNanos();
      board.advance(nanos(1000) - 1);
      assertEquals(0x01, board.in(PORT_B) & 0x23);
      board.advance(opened + nanos(1000) - board.clock.nowNanos());
      assertEquals(0x21, board.in(PORT_B) & 0x23);
      board.out(PORT_B, 3);
      assertEquals(0x23, board.in(PORT_B) & 0x23);
    }
  }

  @Test
  void holdsTheCountWhileTheGateIsClosed() {
    try (TestBoard board = board()) {
      board.out(PORT_B, 1);
      program(board, 2, 0, 1000);
      board.advance(nanos(400));
      board.out(PORT_B, 0);
      board.advance(nanos(5000));
      assertEquals(600, latchAndRead(board, 2));
      board.out(PORT_B, 1);
      board.advance(nanos(600) - 1);
      assertEquals(0, board.in(PORT_B) & 0x20);
      board.advance(1);
      assertEquals(0x20, board.in(PORT_B) & 0x20);
    }
  }

  @Test
  void startsAOneShotAtTheGatesEdge() {
    try (TestBoard board = board()) {
      board.out(PORT_B, 0);
      program(board, 2, 1, 100);
      assertEquals(0x20, board.in(PORT_B) & 0x20);
      board.out(PORT_B, 1);
      assertEquals(0x00, board.in(PORT_B) & 0x20);
      board.advance(nanos(100));
      assertEquals(0x20, board.in(PORT_B) & 0x20);
    }
  }

  @Test
  void togglesTheRefreshBit() {
    try (TestBoard board = board()) {
      int before = board.in(PORT_B) & 0x10;
      board.advance(15_085);
      assertEquals(before ^ 0x10, board.in(PORT_B) & 0x10);
    }
  }

  @Test
  void keepsCountAndPhaseAcrossMigration() {
    try (TestBoard board = board()) {
      program(board, 0, 2, 11_932);
      program(board, 2, 0, 0x8000);
      board.out(PORT_B, 1);
      board.advance(nanos(11_932 + 5000));
      assertEquals(0x30, board.takeAndEnd());
      board.out(CONTROL, 0x00);
      board.in(0x40);
      board.out(CONTROL, 0xB4);
      board.out(0x42, 0x34);
      try (TestBoard other = board.migrate()) {
        assertEquals(-1, other.takeAndEnd(), "no edge of its own");
        assertEquals(6932 >>> 8, other.in(0x40), "the second byte of the latched count");
        other.out(0x42, 0x12);
        assertEquals(0x1234, latchAndRead(other, 2));
        for (int i = 2; i <= 4; i++) {
          expectEdgeAt(other, nanos(11_932L * i));
        }
      }
    }
  }

  @Test
  void refusesStateThatNoTimerCouldHaveWritten() {
    try (TestBoard board = board()) {
      board.clock.freeze();
      PitPart part =
          (PitPart)
              board.platform.stateParts().stream()
                  .filter(PitPart.class::isInstance)
                  .findFirst()
                  .orElseThrow();
      var good = part.save();
      for (var damaged :
          new dev.godwit.proto.v1.PitSection.Builder[] {
            good.toBuilder().removeChannels(0),
            good.toBuilder().setChannels(0, good.getChannels(0).toBuilder().setMode(6)),
            good.toBuilder().setChannels(0, good.getChannels(0).toBuilder().setAccess(0)),
            good.toBuilder().setChannels(1, good.getChannels(1).toBuilder().setCount(65_537)),
            good.toBuilder().setChannels(1, good.getChannels(1).toBuilder().setStartNanos(1)),
            good.toBuilder().setChannels(2, good.getChannels(2).toBuilder().setCounting(true)),
            good.toBuilder().setChannels(2, good.getChannels(2).toBuilder().setLatchedCount(-5)),
            good.toBuilder().setNextEdgeNanos(-7),
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
