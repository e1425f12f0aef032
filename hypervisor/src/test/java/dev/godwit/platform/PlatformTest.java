package dev.godwit.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.Sections;
import dev.godwit.snapshot.SnapshotException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PlatformTest {
  @Test
  void startsInVirtualWireModeSoThatThePicReachesTheBootProcessor() {
    try (TestBoard board = new TestBoard(2)) {
      board.initializePics(0);
      board.out(0x43, 0x34);
      board.out(0x40, 0x9C);
      board.out(0x40, 0x2E);
      assertEquals(-1, board.take(0));
      board.advance(11_000_000);
      assertEquals(0x30, board.take(0));
      assertEquals(-1, board.take(1));
      assertTrue(board.wakes.getFirst().get() > 0);
    }
  }

  @Test
  void savesTheSameSectionsAfterARestore() {
    try (TestBoard board = new TestBoard(3)) {
      board.initializePics(0, 8);
      board.out(0x43, 0x36);
      board.out(0x40, 0x00);
      board.out(0x40, 0x10);
      board.out(0x70, 0x0B);
      board.out(0x71, 0x52);
      board.redirect(5, 0x01000000_0000A831L);
      board.platform.lines().line(5).set(true);
      board.enabledApic(1).writeRegister(LapicRegisters.LVT_TIMER, 0x20030);
      board.apic(1).writeRegister(LapicRegisters.INITIAL_COUNT, 1_000_000);
      board.advance(123_456_789);
      try (TestBoard other = board.migrate()) {
        other.clock.freeze();
        assertEquals(
            Sections.save(board.platform.stateParts()), Sections.save(other.platform.stateParts()));
      }
    }
  }

  @Test
  void namesTheClockFirstAmongItsParts() {
    try (TestBoard board = new TestBoard(2)) {
      List<String> kinds = new ArrayList<>();
      board.clock.freeze();
      for (Section section : Sections.save(board.platform.stateParts())) {
        kinds.add(section.title());
      }
      assertEquals(
          List.of(
              "clock/0",
              "lapic/0",
              "lapic/1",
              "ioapic/0",
              "pic/0",
              "hpet/0",
              "pit/0",
              "rtc/0",
              "power/0"),
          kinds);
    }
  }

  @Test
  void refusesAClockOfAnotherFrequency() {
    try (TestBoard board = new TestBoard(1)) {
      board.clock.freeze();
      ClockPart part = new ClockPart(board.clock);
      var state = part.save().toBuilder().setTscHz(1).build();
      SnapshotException refusal = assertThrows(SnapshotException.class, () -> part.restore(state));
      assertEquals(SnapshotException.Code.BAD_VALUE, refusal.code());
    }
  }

  @Test
  void refusesAnEmptyPayloadWhereADeviceCouldNotHaveWrittenOne() {
    try (TestBoard board = new TestBoard(1)) {
      board.clock.freeze();
      board.platform.stateParts().stream()
          .filter(part -> part instanceof SavedPart<?> && !(part instanceof PowerPart))
          .map(SavedPart.class::cast)
          .filter(part -> !part.kind().name().equals("pic"))
          .forEach(PlatformTest::refusesDefault);
    }
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static void refusesDefault(SavedPart part) {
    SnapshotException refusal =
        assertThrows(
            SnapshotException.class,
            () -> part.restore(part.kind().prototype()),
            part.kind().name());
    assertEquals(SnapshotException.Code.BAD_VALUE, refusal.code());
  }
}
