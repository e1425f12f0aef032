package dev.godwit.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.godwit.proto.v1.PowerSection;
import dev.godwit.snapshot.SnapshotException;
import org.junit.jupiter.api.Test;

final class PowerManagementTest {
  private static final int STATUS = 0x400;
  private static final int ENABLE = 0x402;
  private static final int CONTROL = 0x404;
  private static final int PM_TIMER = 0x408;
  private static final int POWER_BUTTON = 1 << 8;
  private static final int TIMER = 1;

  /** The SCI is level-triggered vector 0x39. */
  private static TestBoard board() {
    TestBoard board = new TestBoard(1);
    board.enabledApic(0);
    board.redirect(9, 1 << 15 | 0x39);
    return board;
  }

  @Test
  void powersOffByTheSleepTypeOfS5AndByNoOther() {
    try (TestBoard board = board()) {
      board.io.write(CONTROL, 2, 1 << 13 | 3 << 10);
      board.io.write(CONTROL, 2, 5 << 10);
      assertEquals(0, board.powerOffs.get());
      board.io.write(CONTROL, 2, 1 << 13 | 5 << 10);
      assertEquals(1, board.powerOffs.get());
      assertEquals(5 << 10 | 1, board.io.read(CONTROL, 2), "SLP_EN reads as 0, SCI_EN stays");
    }
  }

  @Test
  void startsInAcpiModeAndFollowsSmiCommands() {
    try (TestBoard board = board()) {
      assertEquals(1, board.io.read(CONTROL, 2));
      board.out(0xB2, 0xA1);
      assertEquals(0, board.io.read(CONTROL, 2));
      board.out(0xB2, 0xA0);
      assertEquals(1, board.io.read(CONTROL, 2));
    }
  }

  @Test
  void raisesTheSciForThePowerButtonUntilItsStatusIsCleared() {
    try (TestBoard board = board()) {
      board.platform.pressPowerButton();
      assertEquals(-1, board.takeAndEnd(), "not enabled");
      board.io.write(STATUS, 2, POWER_BUTTON);
      board.io.write(ENABLE, 2, POWER_BUTTON);
      board.platform.pressPowerButton();
      assertEquals(0x39, board.takeAndEnd());
      assertEquals(POWER_BUTTON, board.io.read(STATUS, 2));
      assertEquals(0x39, board.takeAndEnd(), "held");
      board.io.write(STATUS, 2, POWER_BUTTON);
      board.takeAndEnd();
      assertEquals(-1, board.takeAndEnd());
      assertEquals(0, board.io.read(STATUS, 2));
    }
  }

  @Test
  void raisesTheSciWhenThePmTimersTopBitChanges() {
    try (TestBoard board = board()) {
      board.io.write(ENABLE, 2, TIMER);
      board.advance(599_932_015_940L);
      assertEquals(-1, board.takeAndEnd());
      board.advance(1);
      assertEquals(0x39, board.takeAndEnd());
      assertEquals(TIMER, board.io.read(STATUS, 2));
    }
  }

  @Test
  void countsThePmTimerAtItsFrequency() {
    try (TestBoard board = board()) {
      board.advance(1_000_000_000);
      assertEquals(3_579_545, board.io.read(PM_TIMER, 4));
      assertEquals(3_579_545 >>> 8 & 0xFF, board.in(PM_TIMER + 1));
      board.io.write(PM_TIMER, 4, 0);
      board.advance(1_200_000_000_000L);
      assertEquals((int) (3_579_545L * 1201), board.io.read(PM_TIMER, 4));
    }
  }

  @Test
  void resetsByEachOfItsPorts() {
    try (TestBoard board = board()) {
      board.out(0xCF9, 0x02);
      assertEquals(0, board.resets.get());
      board.out(0xCF9, 0x06);
      assertEquals(1, board.resets.get());
      board.out(0x64, 0xD1);
      assertEquals(1, board.resets.get());
      board.out(0x64, 0xFE);
      assertEquals(2, board.resets.get());
      assertEquals(2, board.in(0x92), "A20 is on");
      board.out(0x92, 0x00);
      board.out(0x92, 0x03);
      assertEquals(3, board.resets.get());
    }
  }

  @Test
  void keepsAPressedButtonAcrossMigration() {
    try (TestBoard board = board()) {
      board.io.write(ENABLE, 2, POWER_BUTTON | TIMER);
      board.platform.pressPowerButton();
      board.advance(1_000_000_000);
      try (TestBoard other = board.migrate()) {
        assertEquals(0x39, other.takeAndEnd());
        assertEquals(POWER_BUTTON, other.io.read(STATUS, 2));
        other.io.write(STATUS, 2, POWER_BUTTON);
        other.takeAndEnd();
        assertEquals(3_579_545, other.io.read(PM_TIMER, 4));
        other.advance(599_000_000_000L);
        assertEquals(0x39, other.takeAndEnd(), "the timer's overflow");
      }
    }
  }

  @Test
  void refusesStateThatNoHardwareCouldHaveWritten() {
    try (TestBoard board = board()) {
      board.clock.freeze();
      PowerPart part =
          (PowerPart)
              board.platform.stateParts().stream()
                  .filter(PowerPart.class::isInstance)
                  .findFirst()
                  .orElseThrow();
      PowerSection good = part.save();
      for (PowerSection.Builder damaged :
          new PowerSection.Builder[] {
            good.toBuilder().setStatus(2),
            good.toBuilder().setEnable(1 << 15),
            good.toBuilder().setControl(1 << 13),
            good.toBuilder().setTimerOverflows(1),
            good.toBuilder().setResetControl(1),
            good.toBuilder().setControlPortA(4),
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
