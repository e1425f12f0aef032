package dev.godwit.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.protobuf.ByteString;
import dev.godwit.proto.v1.RtcSection;
import dev.godwit.snapshot.SnapshotException;
import org.junit.jupiter.api.Test;

/** The board is switched on at 2026-11-21 23:59:58.250, a Saturday. */
final class RtcTest {
  private static final long SECOND = 1_000_000_000L;
  private static final int BCD_24 = 0x02;
  private static final int BINARY_24 = 0x06;
  private static final int BINARY_12 = 0x04;
  private static final int INHIBIT = 0x80;

  private static TestBoard board() {
    TestBoard board = new TestBoard(1);
    board.enabledApic(0);
    board.redirect(8, 0x38);
    return board;
  }

  private static int read(TestBoard board, int register) {
    board.out(0x70, register);
    return board.in(0x71);
  }

  private static void write(TestBoard board, int register, int value) {
    board.out(0x70, register);
    board.out(0x71, value);
  }

  /** Returns century, year, month, day, weekday, hour, minute and second in hexadecimal. */
  private static String time(TestBoard board) {
    return "%02x%02x-%02x-%02x (%x) %02x:%02x:%02x"
        .formatted(
            read(board, 0x32),
            read(board, 9),
            read(board, 8),
            read(board, 7),
            read(board, 6),
            read(board, 4),
            read(board, 2),
            read(board, 0));
  }

  @Test
  void followsGuestTimeFromTheHostsTimeAtPowerOn() {
    try (TestBoard board = board()) {
      assertEquals("2026-11-21 (7) 23:59:58", time(board));
      board.advance(1_749_999_999);
      assertEquals("2026-11-21 (7) 23:59:59", time(board));
      board.advance(1);
      assertEquals("2026-11-22 (1) 00:00:00", time(board));
      board.advance(366 * 86_400 * SECOND);
      assertEquals("2027-11-23 (3) 00:00:00", time(board));
    }
  }

  @Test
  void showsBinaryAndTwelveHourTime() {
    try (TestBoard board = board()) {
      write(board, 0x0B, BINARY_24);
      assertEquals("141a-0b-15 (7) 17:3b:3a", time(board));
      write(board, 0x0B, BINARY_12);
      assertEquals(0x80 | 11, read(board, 4));
      board.advance(2 * SECOND);
      assertEquals(12, read(board, 4), "midnight is 12 AM");
      write(board, 0x0B, 0);
      assertEquals(0x12, read(board, 4));
    }
  }

  @Test
  void takesTheTimeThatSoftwareSetsWhileUpdatesAreInhibited() {
    try (TestBoard board = board()) {
      write(board, 0x0B, INHIBIT | BCD_24);
      write(board, 0x32, 0x19);
      write(board, 9, 0x99);
      write(board, 8, 0x12);
      write(board, 7, 0x31);
      write(board, 4, 0x23);
      write(board, 2, 0x59);
      write(board, 0, 0x59);
      board.advance(10 * SECOND);
      assertEquals(0x59, read(board, 0), "inhibited");
      write(board, 0x0B, BCD_24);
      assertEquals("1999-12-31 (6) 23:59:59", time(board));
      board.advance(SECOND);
      assertEquals("2000-01-01 (7) 00:00:00", time(board));
    }
  }

  @Test
  void takesASingleRegisterThatIsSetWhileItRuns() {
    try (TestBoard board = board()) {
      write(board, 4, 0x07);
      assertEquals("2026-11-21 (7) 07:59:58", time(board));
      board.advance(750_000_000);
      assertEquals("2026-11-21 (7) 07:59:59", time(board));
    }
  }

  @Test
  void updatesHalfASecondAfterTheDividerIsReleased() {
    try (TestBoard board = board()) {
      write(board, 0x0A, 0x76);
      write(board, 0, 0x10);
      board.advance(5_700_000_000L);
      assertEquals(0x10, read(board, 0));
      write(board, 0x0A, 0x26);
      board.advance(499_999_999);
      assertEquals(0x10, read(board, 0));
      board.advance(1);
      assertEquals(0x11, read(board, 0));
    }
  }

  @Test
  void announcesTheUpdateBeforeItHappens() {
    try (TestBoard board = board()) {
      assertEquals(0x26, read(board, 0x0A));
      board.advance(749_900_000);
      assertEquals(0xA6, read(board, 0x0A));
      board.advance(100_000);
      assertEquals(0x26, read(board, 0x0A));
    }
  }

  @Test
  void interruptsAtTheAlarm() {
    try (TestBoard board = board()) {
      write(board, 1, 0x01);
      write(board, 3, 0x00);
      write(board, 5, 0xC0);
      write(board, 0x0B, 0x20 | BCD_24);
      board.advance(2_749_999_999L);
      assertEquals(-1, board.takeAndEnd());
      board.advance(1);
      assertEquals(0x38, board.takeAndEnd());
      assertEquals(0xB0, read(board, 0x0C) & 0xB0, "alarm and update");
      assertEquals(0x00, read(board, 0x0C), "reading clears");
      board.advance(3600 * SECOND);
      assertEquals(0x38, board.takeAndEnd(), "any hour");
    }
  }

  @Test
  void interruptsAfterEachUpdateOnceTheFlagsAreRead() {
    try (TestBoard board = board()) {
      write(board, 0x0B, 0x10 | BCD_24);
      board.advance(750_000_000);
      assertEquals(0x38, board.takeAndEnd());
      board.advance(SECOND);
      assertEquals(-1, board.takeAndEnd(), "the line is held, no new edge");
      assertEquals(0x90, read(board, 0x0C) & 0x90);
      board.advance(SECOND - 1);
      assertEquals(-1, board.takeAndEnd());
      board.advance(1);
      assertEquals(0x38, board.takeAndEnd());
    }
  }

  @Test
  void interruptsPeriodicallyAtTheChosenRate() {
    try (TestBoard board = board()) {
      write(board, 0x0A, 0x26);
      write(board, 0x0B, 0x40 | BCD_24);
      int interrupts = 0;
      for (int i = 0; i < 1000; i++) {
        board.advance(100_000);
        if (board.takeAndEnd() == 0x38) {
          interrupts++;
          assertEquals(0xC0, read(board, 0x0C) & 0xC0);
        }
      }
      assertEquals(102, interrupts, "1024 Hz for a tenth of a second");
    }
  }

  @Test
  void setsFlagsWithoutInterruptingWhenNothingIsEnabled() {
    try (TestBoard board = board()) {
      read(board, 0x0C);
      board.advance(SECOND);
      assertEquals(-1, board.takeAndEnd());
      assertEquals(0x50, read(board, 0x0C));
    }
  }

  @Test
  void keepsMemoryAndTellsSizes() {
    try (TestBoard board = board()) {
      assertEquals(0x80, read(board, 0x0D));
      assertEquals(640, read(board, 0x15) | read(board, 0x16) << 8);
      assertEquals(0xFFFF, read(board, 0x17) | read(board, 0x18) << 8);
      assertEquals((512 - 16) * 16, read(board, 0x34) | read(board, 0x35) << 8);
      write(board, 0x0F, 0x0A);
      write(board, 0x7F, 0x55);
      assertEquals(0x0A, read(board, 0x0F));
      assertEquals(0x55, read(board, 0x80 | 0x7F));
    }
  }

  @Test
  void keepsWallTimeAndAlarmAcrossMigration() {
    try (TestBoard board = board()) {
      write(board, 1, 0x05);
      write(board, 3, 0xC0);
      write(board, 5, 0xFF);
      write(board, 0x0B, 0x20 | BCD_24);
      write(board, 0x40, 0x77);
      board.advance(1_800_000_000L);
      try (TestBoard other = board.migrate()) {
        assertEquals("2026-11-22 (1) 00:00:00", time(other));
        assertEquals(0x77, read(other, 0x40));
        other.advance(4_949_999_999L);
        assertEquals(-1, other.takeAndEnd());
        other.advance(1);
        assertEquals(0x38, other.takeAndEnd());
        assertEquals("2026-11-22 (1) 00:00:05", time(other));
      }
    }
  }

  @Test
  void keepsAHeldInterruptAcrossMigration() {
    try (TestBoard board = board()) {
      write(board, 0x0B, 0x10 | BCD_24);
      board.advance(SECOND);
      assertEquals(0x38, board.takeAndEnd());
      try (TestBoard other = board.migrate()) {
        assertEquals(-1, other.takeAndEnd());
        assertEquals(0x90, read(other, 0x0C) & 0x90);
        other.advance(SECOND);
        assertEquals(0x38, other.takeAndEnd());
      }
    }
  }

  @Test
  void migratesWhileUpdatesAreInhibited() {
    try (TestBoard board = board()) {
      write(board, 0x0B, INHIBIT | BCD_24);
      write(board, 2, 0x30);
      try (TestBoard other = board.migrate()) {
        write(other, 0, 0x15);
        write(other, 0x0B, BCD_24);
        assertEquals("2026-11-21 (7) 23:30:15", time(other));
      }
    }
  }

  @Test
  void refusesStateThatNoClockCouldHaveWritten() {
    try (TestBoard board = board()) {
      board.clock.freeze();
      RtcPart part =
          (RtcPart)
              board.platform.stateParts().stream()
                  .filter(RtcPart.class::isInstance)
                  .findFirst()
                  .orElseThrow();
      RtcSection good = part.save();
      for (RtcSection.Builder damaged :
          new RtcSection.Builder[] {
            good.toBuilder().setIndex(128),
            good.toBuilder().setMemory(ByteString.copyFrom(new byte[127])),
            good.toBuilder().setWallSeconds(Long.MIN_VALUE),
            good.toBuilder().setWallSubsecondNanos(1_000_000_000),
            good.toBuilder().setFlags(0x80),
            good.toBuilder().setSeenNanos(1),
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
