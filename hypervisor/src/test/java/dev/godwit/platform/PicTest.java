package dev.godwit.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.bus.InterruptLine;
import org.junit.jupiter.api.Test;

/** Through the boot processor's LINT0, which the platform starts with as ExtINT. */
final class PicTest {
  private static final int EOI = 0x20;
  private static final int READ_IRR = 0x0A;
  private static final int READ_ISR = 0x0B;

  private static void pulse(TestBoard board, int irq) {
    InterruptLine line = board.platform.lines().line(irq);
    line.set(true);
    line.set(false);
  }

  private static int read(TestBoard board, int port, int which) {
    board.out(port, which);
    return board.in(port);
  }

  @Test
  void servesTheLowestInputFirst() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(3, 4, 5);
      pulse(board, 5);
      pulse(board, 3);
      pulse(board, 4);
      assertEquals(0x38, read(board, 0x20, READ_IRR));
      assertEquals(0x33, board.take(0));
      assertEquals(0x08, read(board, 0x20, READ_ISR));
      assertFalse(board.apic(0).hasInterrupt(), "lower priorities wait for the EOI");
      board.out(0x20, EOI);
      assertEquals(0x34, board.take(0));
      board.out(0x20, EOI);
      assertEquals(0x35, board.take(0));
    }
  }

  @Test
  void letsAHigherInputInterruptALowerOne() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(3, 5);
      pulse(board, 5);
      assertEquals(0x35, board.take(0));
      pulse(board, 3);
      assertEquals(0x33, board.take(0));
      board.out(0x20, EOI);
      assertEquals(0x20, read(board, 0x20, READ_ISR));
      board.out(0x20, 0x65);
      assertEquals(0x00, read(board, 0x20, READ_ISR));
    }
  }

  @Test
  void cascadesTheSlave() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(8, 12);
      pulse(board, 12);
      assertEquals(0x3C, board.take(0));
      assertEquals(0x10, read(board, 0xA0, READ_ISR));
      assertEquals(0x04, read(board, 0x20, READ_ISR));
      pulse(board, 8);
      assertFalse(board.apic(0).hasInterrupt(), "the master's input 2 is in service");
      board.out(0xA0, EOI);
      board.out(0x20, EOI);
      assertEquals(0x38, board.take(0));
    }
  }

  @Test
  void nestsWithinTheSlaveInSpecialFullyNestedMode() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(8, 12);
      board.out(0x20, 0x11);
      board.out(0x21, 0x30);
      board.out(0x21, 0x04);
      board.out(0x21, 0x11);
      board.out(0x21, 0xFB);
      pulse(board, 12);
      assertEquals(0x3C, board.take(0));
      pulse(board, 8);
      assertEquals(0x38, board.take(0));
    }
  }

  @Test
  void masksInputs() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(3);
      board.out(0x21, 0xFF);
      assertEquals(0xFF, board.in(0x21));
      pulse(board, 3);
      assertFalse(board.apic(0).hasInterrupt());
      board.out(0x21, 0xF7);
      assertEquals(0x33, board.take(0));
    }
  }

  @Test
  void answersWithItsSpuriousVectorWhenTheRequestHasGone() {
    assertEquals(7, new Pic(asserted -> {}).acknowledge(), "the master, idle and not initialised");
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(14);
      board.out(0x4D1, 0x40);
      InterruptLine line = board.platform.lines().line(14);
      line.set(true);
      line.set(false);
      assertEquals(0x3F, board.take(0), "the master has latched the cascade");
      assertEquals(0x00, read(board, 0xA0, READ_ISR), "nothing to end at the slave");
      assertEquals(0x04, read(board, 0x20, READ_ISR));
    }
  }

  @Test
  void requestsAgainWhileALevelLineIsHeld() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(5);
      board.out(0x4D0, 0xFF);
      assertEquals(0xF8, board.in(0x4D0), "timer, keyboard and cascade stay edges");
      InterruptLine line = board.platform.lines().line(5);
      line.set(true);
      assertEquals(0x35, board.take(0));
      board.out(0x20, EOI);
      assertEquals(0x35, board.take(0));
      line.set(false);
      board.out(0x20, EOI);
      assertFalse(board.apic(0).hasInterrupt());
    }
  }

  @Test
  void endsByItselfInAutoEoiModeAndRotates() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics();
      board.out(0x20, 0x11);
      board.out(0x21, 0x30);
      board.out(0x21, 0x04);
      board.out(0x21, 0x03);
      board.out(0x21, 0x00);
      board.out(0x20, 0x80);
      pulse(board, 3);
      pulse(board, 4);
      assertEquals(0x33, board.take(0));
      assertEquals(0x00, read(board, 0x20, READ_ISR));
      pulse(board, 3);
      assertEquals(0x34, board.take(0), "input 3 has gone to the end of the queue");
      assertEquals(0x33, board.take(0));
    }
  }

  @Test
  void rotatesPrioritiesOnCommand() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(3, 4, 5);
      board.out(0x20, 0xC3);
      pulse(board, 3);
      pulse(board, 4);
      assertEquals(0x34, board.take(0));
      board.out(0x20, 0xA0);
      pulse(board, 5);
      pulse(board, 4);
      assertEquals(0x35, board.take(0), "input 4 is last now");
    }
  }

  @Test
  void letsLowerInputsInterruptInSpecialMaskMode() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(3, 5);
      pulse(board, 3);
      assertEquals(0x33, board.take(0));
      pulse(board, 5);
      assertFalse(board.apic(0).hasInterrupt());
      board.out(0x20, 0x68);
      board.out(0x21, board.in(0x21) | 0x08);
      assertEquals(0x35, board.take(0));
    }
  }

  @Test
  void answersPolls() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(5);
      board.out(0x20, 0x0C);
      assertEquals(0x00, board.in(0x20));
      pulse(board, 5);
      board.out(0x20, 0x0C);
      assertEquals(0x85, board.in(0x20));
      assertEquals(0x20, read(board, 0x20, READ_ISR));
    }
  }

  @Test
  void goesOnAfterMigrationInTheMiddleOfEverything() {
    try (TestBoard board = new TestBoard(1)) {
      board.initializePics(3, 4, 12);
      pulse(board, 4);
      assertEquals(0x34, board.take(0));
      pulse(board, 3);
      board.platform.lines().line(4).set(true);
      board.out(0xA0, 0x11);
      board.out(0xA1, 0x70);
      try (TestBoard other = board.migrate()) {
        other.out(0xA1, 0x02);
        other.out(0xA1, 0x01);
        other.out(0xA1, 0x00);
        assertTrue(other.apic(0).hasInterrupt());
        assertEquals(0x33, other.take(0));
        other.out(0x20, EOI);
        other.out(0x20, EOI);
        other.platform.lines().line(4).set(true);
        assertEquals(0x34, other.take(0));
        other.out(0x20, EOI);
        assertFalse(other.apic(0).hasInterrupt(), "the held line was one edge");
        pulse(other, 12);
        assertEquals(0x74, other.take(0));
      }
    }
  }
}
