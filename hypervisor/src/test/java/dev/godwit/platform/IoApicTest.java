package dev.godwit.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.bus.InterruptLine;
import dev.godwit.cpu.ApicEvent;
import org.junit.jupiter.api.Test;

final class IoApicTest {
  private static final long LEVEL = 1 << 15;
  private static final long MASKED = 1 << 16;
  private static final long REMOTE_IRR = 1 << 14;
  private static final long TO_VCPU_1 = 1L << 56;

  private static TestBoard board() {
    TestBoard board = new TestBoard(2);
    board.enabledApic(0);
    board.enabledApic(1);
    return board;
  }

  @Test
  void saysWhatItIs() {
    try (TestBoard board = board()) {
      assertEquals(0x00170011, board.readIoApic(1));
      board.writeIoApic(0, 0x0F000000);
      assertEquals(0x0F000000, board.readIoApic(0));
      assertEquals(MASKED, board.redirection(23));
      assertEquals(0, board.readIoApic(0x40), "there is no pin 24");
    }
  }

  @Test
  void deliversOneInterruptForEachRisingEdge() {
    try (TestBoard board = board()) {
      board.redirect(4, TO_VCPU_1 | 0x44);
      InterruptLine line = board.platform.lines().line(4);
      line.set(true);
      line.set(true);
      assertEquals(0x44, board.take(1));
      board.eoi(1);
      assertEquals(-1, board.take(1));
      line.set(false);
      assertEquals(-1, board.take(1));
      line.set(true);
      assertEquals(0x44, board.take(1));
    }
  }

  @Test
  void losesAnEdgeThatMeetsAMask() {
    try (TestBoard board = board()) {
      InterruptLine line = board.platform.lines().line(4);
      line.set(true);
      board.redirect(4, 0x44);
      assertEquals(-1, board.take(0));
    }
  }

  @Test
  void repeatsALevelInterruptUntilTheLineIsReleased() {
    try (TestBoard board = board()) {
      board.redirect(16, LEVEL | 0x50);
      InterruptLine line = board.platform.lines().line(16);
      line.set(true);
      assertEquals(LEVEL | REMOTE_IRR | 0x50, board.redirection(16));
      assertEquals(0x50, board.take(0));
      assertEquals(-1, board.take(0));
      board.eoi(0);
      assertEquals(0x50, board.take(0), "the line is still held");
      line.set(false);
      board.eoi(0);
      assertEquals(-1, board.take(0));
      assertEquals(LEVEL | 0x50, board.redirection(16));
    }
  }

  @Test
  void deliversAHeldLevelWhenItIsUnmasked() {
    try (TestBoard board = board()) {
      board.redirect(16, MASKED | LEVEL | 0x50);
      board.platform.lines().line(16).set(true);
      assertEquals(-1, board.take(0));
      board.redirect(16, LEVEL | 0x50);
      assertEquals(0x50, board.take(0));
    }
  }

  @Test
  void clearsAStuckRemoteIrrWhenSoftwareTurnsThePinToEdgeAndBack() {
    try (TestBoard board = board()) {
      board.redirect(16, LEVEL | 0x50);
      board.platform.lines().line(16).set(true);
      board.platform.lines().line(16).set(false);
      board.writeIoApic(0x10 + 32, (int) MASKED | 0x50);
      assertEquals(MASKED | 0x50, board.redirection(16));
      board.writeIoApic(0x10 + 32, (int) (MASKED | LEVEL) | 0x50);
      assertEquals(MASKED | LEVEL | 0x50, board.redirection(16));
    }
  }

  @Test
  void keepsReadOnlyBitsOutOfSoftwaresHands() {
    try (TestBoard board = board()) {
      board.redirect(16, MASKED | LEVEL | REMOTE_IRR | 1 << 12 | 0x50);
      assertEquals(MASKED | LEVEL | 0x50, board.redirection(16));
    }
  }

  @Test
  void routesTheTimerToPin2AndNothingToPin0() {
    try (TestBoard board = board()) {
      board.redirect(0, 0x40);
      board.redirect(2, 0x42);
      board.out(0x43, 0x34);
      board.out(0x40, 0x9C);
      board.out(0x40, 0x2E);
      board.advance(11_000_000);
      assertEquals(0x42, board.take(0));
      assertEquals(-1, board.take(0));
    }
  }

  @Test
  void refusesWiresThatDoNotExist() {
    try (TestBoard board = board()) {
      assertThrows(IllegalArgumentException.class, () -> board.platform.lines().line(24));
      assertThrows(IllegalArgumentException.class, () -> board.platform.lines().line(-1));
    }
  }

  @Test
  void deliversMessageSignalledInterrupts() {
    try (TestBoard board = board()) {
      board.platform.lines().sendMsi(0xFEE01000L, 0x61);
      assertEquals(0x61, board.take(1));
      board.apic(0).writeRegister(LapicRegisters.LDR, 1 << 24);
      board.apic(1).writeRegister(LapicRegisters.LDR, 2 << 24);
      board.platform.lines().sendMsi(0xFEE01004L, 0x72);
      assertEquals(0x72, board.take(0));
      board.platform.lines().sendMsi(0xFEE01000L, 0x400);
      assertInstanceOf(ApicEvent.Nmi.class, board.apic(1).takeEvent());
      board.platform.lines().sendMsi(0x1000L, 0x99);
      assertEquals(-1, board.take(0));
    }
  }

  @Test
  void finishesALevelInterruptThatMigratedInService() {
    try (TestBoard board = board()) {
      board.redirect(16, TO_VCPU_1 | LEVEL | 0x50);
      board.platform.lines().line(16).set(true);
      assertEquals(0x50, board.take(1));
      try (TestBoard other = board.migrate()) {
        assertEquals(TO_VCPU_1 | LEVEL | REMOTE_IRR | 0x50, other.redirection(16));
        other.platform.lines().line(16).set(true);
        assertEquals(-1, other.take(1), "the level is known: not a new edge");
        other.eoi(1);
        assertEquals(0x50, other.take(1));
        other.platform.lines().line(16).set(false);
        other.eoi(1);
        assertEquals(-1, other.take(1));
        assertTrue(other.wakes.get(1).get() > 0);
      }
    }
  }
}
