package dev.godwit.platform;

import static dev.godwit.platform.LapicRegisters.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.cpu.ApicEvent;
import dev.godwit.cpu.LocalApicPort;
import dev.godwit.proto.v1.LapicSection;
import dev.godwit.snapshot.SnapshotException;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

final class LocalApicTest {
  private static final int LVT_LINT0 = LVT_TIMER + 0x30;
  private static final int LVT_LINT1 = LVT_TIMER + 0x40;
  private static final int MODE_PERIODIC = 1 << 17;
  private static final int MODE_TSC_DEADLINE = 2 << 17;
  private static final int DIVIDE_BY_1 = 0xB;
  private static final int DIVIDE_BY_16 = 0x3;
  private static final int SELF = 1 << 18;
  private static final int ALL = 2 << 18;
  private static final int OTHERS = 3 << 18;
  private static final int LOGICAL = 1 << 11;
  private static final int LOWEST = 1 << 8;
  private static final int NMI = 4 << 8;
  private static final int INIT = 5 << 8;
  private static final int STARTUP = 6 << 8;

  private static void sendIpi(LocalApicPort apic, int destination, int command) {
    apic.writeRegister(ICR_HIGH, destination << 24);
    apic.writeRegister(ICR_LOW, command);
  }

  private static void interruptSelf(LocalApicPort apic, int vector) {
    apic.writeRegister(ICR_LOW, SELF | vector);
  }

  // Priorities.

  @Test
  void deliversTheHighestVectorFirst() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      interruptSelf(apic, 0x41);
      interruptSelf(apic, 0x91);
      interruptSelf(apic, 0x50);
      assertEquals(0x91, board.take(0));
      assertEquals(-1, board.take(0));
      board.eoi(0);
      assertEquals(0x50, board.take(0));
      board.eoi(0);
      assertEquals(0x41, board.take(0));
    }
  }

  @Test
  void letsAHigherClassInterruptTheServiceOfALowerOne() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      interruptSelf(apic, 0x41);
      assertEquals(0x41, board.take(0));
      interruptSelf(apic, 0x4F);
      assertFalse(apic.hasInterrupt(), "the same class must wait");
      interruptSelf(apic, 0x51);
      assertEquals(0x51, board.take(0));
      assertEquals(0x50, apic.readRegister(PPR));
      board.eoi(0);
      assertEquals(0x40, apic.readRegister(PPR));
      board.eoi(0);
      assertEquals(0x4F, board.take(0));
    }
  }

  @Test
  void holdsBackWhatTheTaskPriorityForbids() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.setCr8(5);
      assertEquals(0x50, apic.readRegister(TPR));
      interruptSelf(apic, 0x5F);
      assertFalse(apic.hasInterrupt());
      int wakes = board.wakes.getFirst().get();
      apic.writeRegister(TPR, 0x4F);
      assertEquals(4, apic.cr8());
      assertTrue(board.wakes.getFirst().get() > wakes, "lowering the priority wakes");
      assertEquals(0x5F, board.take(0));
    }
  }

  @Test
  void showsWhatIsRequestedAndWhatIsInService() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      interruptSelf(apic, 0x65);
      assertEquals(1 << 5, apic.readRegister(IRR + 0x30));
      assertEquals(0, apic.readRegister(ISR + 0x30));
      board.take(0);
      assertEquals(0, apic.readRegister(IRR + 0x30));
      assertEquals(1 << 5, apic.readRegister(ISR + 0x30));
    }
  }

  // Timer.

  @Test
  void countsDownOnceInOneShotMode() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(DIVIDE_CONFIGURATION, DIVIDE_BY_16);
      apic.writeRegister(LVT_TIMER, 0x30);
      apic.writeRegister(INITIAL_COUNT, 1000);
      board.advance(1600);
      assertEquals(900, apic.readRegister(CURRENT_COUNT));
      board.advance(14_399);
      assertEquals(-1, board.take(0));
      board.advance(1);
      assertEquals(0, apic.readRegister(CURRENT_COUNT));
      assertEquals(0x30, board.take(0));
      board.eoi(0);
      board.advance(1_000_000);
      assertEquals(-1, board.take(0));
    }
  }

  @Test
  void repeatsInPeriodicModeUntilTheCountIsZeroed() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(DIVIDE_CONFIGURATION, DIVIDE_BY_1);
      apic.writeRegister(LVT_TIMER, MODE_PERIODIC | 0x30);
      apic.writeRegister(INITIAL_COUNT, 1_000_000);
      for (int i = 0; i < 5; i++) {
        board.advance(999_999);
        assertEquals(-1, board.take(0));
        board.advance(1);
        assertEquals(0x30, board.take(0));
        board.eoi(0);
      }
      apic.writeRegister(INITIAL_COUNT, 0);
      board.advance(10_000_000);
      assertEquals(-1, board.take(0));
      assertEquals(0, apic.readRegister(CURRENT_COUNT));
    }
  }

  @Test
  void keepsThePhaseOfAPeriodicTimerWhoseTicksWereMissed() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(DIVIDE_CONFIGURATION, DIVIDE_BY_1);
      apic.writeRegister(LVT_TIMER, MODE_PERIODIC | 0x30);
      apic.writeRegister(INITIAL_COUNT, 1_000_000);
      board.advance(7_300_000);
      assertEquals(0x30, board.take(0), "missed ticks coalesce");
      board.eoi(0);
      assertEquals(700_000, apic.readRegister(CURRENT_COUNT));
      board.advance(699_999);
      assertEquals(-1, board.take(0));
      board.advance(1);
      assertEquals(0x30, board.take(0));
    }
  }

  @Test
  void firesAtTheTscDeadlineAndDisarms() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(LVT_TIMER, MODE_TSC_DEADLINE | 0x30);
      apic.setTscDeadline(5_000_001);
      assertEquals(5_000_001, apic.tscDeadline());
      board.advance(2_500_000);
      assertEquals(-1, board.take(0), "2 GHz: half a tick is missing");
      board.advance(1);
      assertEquals(0x30, board.take(0));
      assertEquals(0, apic.tscDeadline());
    }
  }

  @Test
  void firesAtOnceForADeadlineInThePast() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      board.advance(1_000_000);
      apic.writeRegister(LVT_TIMER, MODE_TSC_DEADLINE | 0x30);
      apic.setTscDeadline(1);
      board.advance(0);
      assertEquals(0x30, board.take(0));
    }
  }

  @Test
  void neverFiresForADeadlineBeyondAllTime() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(LVT_TIMER, MODE_TSC_DEADLINE | 0x30);
      apic.setTscDeadline(-1);
      board.advance(1_000_000_000_000L);
      assertEquals(-1, board.take(0));
      assertEquals(-1, apic.tscDeadline());
    }
  }

  @Test
  void disarmsWhenTheModeTurnsToOrFromTscDeadline() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(LVT_TIMER, MODE_TSC_DEADLINE | 0x30);
      apic.setTscDeadline(1000);
      apic.writeRegister(LVT_TIMER, 0x30);
      board.advance(1_000_000);
      assertEquals(-1, board.take(0));
      apic.setTscDeadline(1000);
      assertEquals(0, apic.tscDeadline(), "ignored outside its mode");
      apic.writeRegister(INITIAL_COUNT, 1000);
      apic.writeRegister(LVT_TIMER, MODE_TSC_DEADLINE | 0x30);
      board.advance(1_000_000);
      assertEquals(-1, board.take(0));
    }
  }

  @Test
  void expiresSilentlyWhileMasked() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(LVT_TIMER, LVT_MASKED | MODE_TSC_DEADLINE | 0x30);
      apic.setTscDeadline(1000);
      board.advance(1_000_000);
      assertEquals(-1, board.take(0));
      assertEquals(0, apic.tscDeadline());
    }
  }

  @Test
  void goesOnFromTheSameCountWhenTheDividerChanges() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(DIVIDE_CONFIGURATION, DIVIDE_BY_16);
      apic.writeRegister(LVT_TIMER, 0x30);
      apic.writeRegister(INITIAL_COUNT, 1000);
      board.advance(16_000 / 4);
      apic.writeRegister(DIVIDE_CONFIGURATION, DIVIDE_BY_1);
      assertEquals(750, apic.readRegister(CURRENT_COUNT));
      board.advance(749);
      assertEquals(-1, board.take(0));
      board.advance(1);
      assertEquals(0x30, board.take(0));
    }
  }

  // Messages.

  @Test
  void reachesOneOtherAllAndOnlyOthersByIpi() {
    try (TestBoard board = new TestBoard(3)) {
      for (int i = 0; i < 3; i++) {
        board.enabledApic(i);
      }
      sendIpi(board.apic(0), 2, 0x40);
      assertEquals(-1, board.take(0));
      assertEquals(-1, board.take(1));
      assertEquals(0x40, board.take(2));
      sendIpi(board.apic(1), 0, ALL | 0x51);
      assertEquals(0x51, board.take(0));
      assertEquals(0x51, board.take(1));
      assertEquals(0x51, board.take(2));
      sendIpi(board.apic(1), 0, OTHERS | 0x61);
      assertEquals(0x61, board.take(0));
      assertEquals(-1, board.take(1));
      assertEquals(0x61, board.take(2));
      sendIpi(board.apic(1), 0xFF, 0x71);
      assertEquals(0x71, board.take(0));
      assertEquals(0x71, board.take(1));
      assertEquals(0x71, board.take(2));
    }
  }

  @Test
  void matchesLogicalDestinationsInTheFlatModel() {
    try (TestBoard board = new TestBoard(3)) {
      for (int i = 0; i < 3; i++) {
        board.enabledApic(i).writeRegister(LDR, 1 << (24 + i));
      }
      sendIpi(board.apic(0), 0b110, LOGICAL | 0x40);
      assertEquals(-1, board.take(0));
      assertEquals(0x40, board.take(1));
      assertEquals(0x40, board.take(2));
    }
  }

  @Test
  void matchesLogicalDestinationsInTheClusterModel() {
    try (TestBoard board = new TestBoard(3)) {
      for (int i = 0; i < 3; i++) {
        board.enabledApic(i).writeRegister(DFR, 0x0FFFFFFF);
      }
      board.apic(0).writeRegister(LDR, 0x11 << 24);
      board.apic(1).writeRegister(LDR, 0x12 << 24);
      board.apic(2).writeRegister(LDR, 0x22 << 24);
      sendIpi(board.apic(0), 0x12, LOGICAL | 0x40);
      assertEquals(-1, board.take(0));
      assertEquals(0x40, board.take(1));
      assertEquals(-1, board.take(2));
    }
  }

  @Test
  void givesALowestPriorityMessageToTheIdlestProcessor() {
    try (TestBoard board = new TestBoard(3)) {
      for (int i = 0; i < 3; i++) {
        board.enabledApic(i).writeRegister(LDR, 1 << (24 + i));
      }
      board.apic(0).setCr8(3);
      board.apic(1).setCr8(1);
      board.apic(2).setCr8(2);
      sendIpi(board.apic(0), 0b111, LOGICAL | LOWEST | 0x40);
      assertEquals(-1, board.take(0));
      assertEquals(0x40, board.take(1));
      assertEquals(-1, board.take(2));
    }
  }

  @Test
  void startsAnotherProcessorByInitAndStartUp() {
    try (TestBoard board = new TestBoard(2)) {
      board.enabledApic(0);
      LocalApicPort target = board.enabledApic(1);
      target.setCr8(7);
      sendIpi(board.apic(0), 1, INIT | 0xC000);
      sendIpi(board.apic(0), 1, INIT | 0x8000);
      sendIpi(board.apic(0), 1, STARTUP | 0x9F);
      assertTrue(target.hasEvent());
      assertInstanceOf(ApicEvent.Init.class, target.takeEvent());
      assertEquals(0, target.cr8(), "INIT resets the local APIC");
      assertEquals(new ApicEvent.Sipi(0x9F), target.takeEvent());
      assertFalse(target.hasEvent());
      assertInstanceOf(ApicEvent.None.class, target.takeEvent());
      assertTrue(board.wakes.get(1).get() >= 2);
    }
  }

  @Test
  void forgetsAStartUpThatCameBeforeAnInit() {
    try (TestBoard board = new TestBoard(2)) {
      board.enabledApic(0);
      sendIpi(board.apic(0), 1, STARTUP | 0x10);
      sendIpi(board.apic(0), 1, INIT | 0x4000);
      assertInstanceOf(ApicEvent.Init.class, board.apic(1).takeEvent());
      assertInstanceOf(ApicEvent.None.class, board.apic(1).takeEvent());
    }
  }

  @Test
  void takesNmisWhateverItsPriorityEvenWhenSoftwareDisabledIt() {
    try (TestBoard board = new TestBoard(2)) {
      LocalApicPort target = board.apic(1);
      target.writeRegister(SVR, 0xFF);
      target.setCr8(15);
      sendIpi(board.enabledApic(0), 1, NMI);
      assertInstanceOf(ApicEvent.Nmi.class, target.takeEvent());
      sendIpi(board.apic(0), 1, 0x40);
      target.setCr8(0);
      target.writeRegister(SVR, SPURIOUS_ENABLED);
      assertFalse(target.hasInterrupt(), "fixed interrupts are not taken while disabled");
    }
  }

  private static final int SPURIOUS_ENABLED = 0x1FF;

  // Errors.

  @Test
  void reportsIllegalVectorsAndRegistersInTheErrorStatus() {
    try (TestBoard board = new TestBoard(2)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(LVT_ERROR, 0xE0);
      interruptSelf(apic, 0x05);
      assertEquals(0, apic.readRegister(ESR), "not before it is written");
      apic.writeRegister(ESR, 0);
      assertEquals(ESR_SEND_ILLEGAL_VECTOR, apic.readRegister(ESR));
      assertEquals(0xE0, board.take(0));
      board.eoi(0);
      board.platform.lines().sendMsi(0xFEE00000L, 0x07);
      apic.readRegister(0x40);
      apic.writeRegister(ESR, 0);
      assertEquals(ESR_RECEIVED_ILLEGAL_VECTOR | ESR_ILLEGAL_REGISTER, apic.readRegister(ESR));
      apic.writeRegister(ESR, 0);
      assertEquals(0, apic.readRegister(ESR));
    }
  }

  // Enabling.

  @Test
  void masksEveryLocalInterruptWhenSoftwareDisablesIt() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(LVT_TIMER, 0x30);
      apic.writeRegister(SVR, 0xFF);
      assertEquals(LVT_MASKED | 0x30, apic.readRegister(LVT_TIMER));
      apic.writeRegister(LVT_TIMER, 0x31);
      assertEquals(LVT_MASKED | 0x31, apic.readRegister(LVT_TIMER));
      apic.writeRegister(SVR, SPURIOUS_ENABLED);
      apic.writeRegister(LVT_TIMER, 0x31);
      assertEquals(0x31, apic.readRegister(LVT_TIMER));
    }
  }

  @Test
  void refusesX2ApicModeAndReservedBitsInItsBase() {
    try (TestBoard board = new TestBoard(2)) {
      LocalApicPort apic = board.apic(0);
      assertEquals(0xFEE00900L, apic.apicBase());
      assertEquals(0xFEE00800L, board.apic(1).apicBase());
      assertFalse(apic.setApicBase(0xFEE00D00L));
      assertFalse(apic.setApicBase(0xFEE00901L));
      assertFalse(apic.setApicBase(1L << 60 | 0xFEE00900L));
      assertEquals(0xFEE00900L, apic.apicBase());
      assertTrue(apic.setApicBase(0xFEC10900L));
      assertEquals(0xFEC10900L, apic.apicBase());
    }
  }

  @Test
  void leavesThePicAloneWithTheProcessorWhenGloballyDisabled() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      board.initializePics(5);
      board.platform.lines().line(5).set(true);
      assertFalse(apic.hasInterrupt(), "LINT0 is masked");
      assertTrue(apic.setApicBase(0xFEE00100L));
      assertTrue(apic.hasInterrupt());
      assertEquals(0x35, board.take(0));
    }
  }

  // Local wires.

  @Test
  void takesThePicsInterruptOnlyWhileItsWireIsHeld() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      board.initializePics(5);
      board.platform.lines().line(5).set(true);
      apic.writeRegister(LVT_LINT0, 7 << 8);
      assertTrue(apic.hasInterrupt());
      board.out(0x21, 0xFF);
      assertFalse(apic.hasInterrupt());
      board.out(0x21, 0x00);
      assertEquals(0x35, board.take(0));
    }
  }

  @Test
  void turnsAnEdgeOfLint0IntoWhateverItsEntrySays() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      board.initializePics(5);
      apic.writeRegister(LVT_LINT0, 0x45);
      board.platform.lines().line(5).set(true);
      assertEquals(0x45, board.take(0));
      assertEquals(-1, board.take(0));
    }
  }

  @Test
  void deliversTheBoardsNmiThroughLint1() {
    try (TestBoard board = new TestBoard(2)) {
      board.platform.raiseNmi();
      assertInstanceOf(ApicEvent.Nmi.class, board.apic(0).takeEvent());
      board.apic(1).writeRegister(LVT_LINT1, LVT_MASKED | 4 << 8);
      assertInstanceOf(ApicEvent.Nmi.class, board.apic(1).takeEvent());
      board.platform.raiseNmi();
      assertFalse(board.apic(1).hasEvent());
    }
  }

  // Migration.

  @Test
  void restoresPendingInterruptAfterMigration() {
    try (TestBoard board = new TestBoard(2)) {
      LocalApicPort apic = board.enabledApic(1);
      interruptSelf(apic, 0x40);
      assertEquals(0x40, board.take(1));
      interruptSelf(apic, 0x45);
      interruptSelf(apic, 0x81);
      apic.setCr8(2);
      try (TestBoard other = board.migrate()) {
        assertEquals(0x81, other.take(1));
        assertEquals(-1, other.take(1));
        other.eoi(1);
        assertEquals(-1, other.take(1));
        other.eoi(1);
        assertEquals(0x45, other.take(1));
      }
    }
  }

  @Test
  void restoresPendingEventsAfterMigration() {
    try (TestBoard board = new TestBoard(2)) {
      sendIpi(board.enabledApic(0), 1, INIT | 0x4000);
      sendIpi(board.apic(0), 1, STARTUP);
      board.platform.raiseNmi();
      try (TestBoard other = board.migrate()) {
        assertInstanceOf(ApicEvent.Nmi.class, other.apic(0).takeEvent());
        assertInstanceOf(ApicEvent.Init.class, other.apic(1).takeEvent());
        assertEquals(new ApicEvent.Sipi(0), other.apic(1).takeEvent());
      }
    }
  }

  @Test
  void goesOnCountingAfterMigration() {
    try (TestBoard board = new TestBoard(2)) {
      LocalApicPort first = board.enabledApic(0);
      first.writeRegister(DIVIDE_CONFIGURATION, DIVIDE_BY_1);
      first.writeRegister(LVT_TIMER, MODE_PERIODIC | 0x30);
      first.writeRegister(INITIAL_COUNT, 1_000_000);
      LocalApicPort second = board.enabledApic(1);
      second.writeRegister(LVT_TIMER, MODE_TSC_DEADLINE | 0x31);
      second.setTscDeadline(8_000_000);
      board.advance(2_400_000);
      assertEquals(0x30, board.take(0));
      try (TestBoard other = board.migrate()) {
        other.eoi(0);
        assertEquals(600_000, other.apic(0).readRegister(CURRENT_COUNT));
        other.advance(599_999);
        assertEquals(-1, other.take(0));
        other.advance(1);
        assertEquals(0x30, other.take(0));
        assertEquals(8_000_000, other.apic(1).tscDeadline());
        other.advance(999_999);
        assertEquals(-1, other.take(1));
        other.advance(1);
        assertEquals(0x31, other.take(1));
      }
    }
  }

  @Test
  void firesAfterMigrationWhatWasDueButNotFiredBefore() {
    try (TestBoard board = new TestBoard(1)) {
      LocalApicPort apic = board.enabledApic(0);
      apic.writeRegister(LVT_TIMER, MODE_TSC_DEADLINE | 0x31);
      apic.setTscDeadline(8_000_000);
      board.clock.freeze();
      board.clock.restore(5_000_000);
      try (TestBoard other = board.migrate()) {
        other.advance(0);
        assertEquals(0x31, other.take(0));
      }
    }
  }

  @Test
  void refusesStateThatNoLocalApicCouldHaveWritten() {
    refuses(state -> state.setApicId(1));
    refuses(state -> state.setApicBase(0xFEE00D00L));
    refuses(state -> state.setTpr(0x100));
    refuses(state -> state.setSvr(0x10000));
    refuses(state -> state.setIcr(1L << 12));
    refuses(state -> state.setIsr(0, 1));
    refuses(state -> state.clearIrr());
    refuses(state -> state.addTmr(0));
    refuses(state -> state.setLvt(5, 0x700));
    refuses(state -> state.setSipiPending(true).setSipiVector(256));
    refuses(state -> state.setTimer(state.getTimer().toBuilder().setStartNanos(1)));
    refuses(state -> state.setTimer(state.getTimer().toBuilder().setCounting(true)));
  }

  private static void refuses(UnaryOperator<LapicSection.Builder> damage) {
    try (TestBoard board = new TestBoard(1)) {
      board.clock.freeze();
      interruptSelf(board.enabledApic(0), 0x40);
      LapicPart part =
          (LapicPart)
              board.platform.stateParts().stream()
                  .filter(LapicPart.class::isInstance)
                  .findFirst()
                  .orElseThrow();
      LapicSection before = part.save();
      LapicSection damaged = damage.apply(before.toBuilder()).build();
      SnapshotException refusal =
          assertThrows(SnapshotException.class, () -> part.restore(damaged), damaged::toString);
      assertEquals(SnapshotException.Code.BAD_VALUE, refusal.code());
      assertEquals(before, part.save(), "a refused state changes nothing");
    }
  }
}
