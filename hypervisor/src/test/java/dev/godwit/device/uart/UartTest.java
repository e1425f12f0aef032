package dev.godwit.device.uart;

import static dev.godwit.device.uart.UartRegisters.*;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.backend.SerialLine;
import dev.godwit.bus.AddressMap;
import dev.godwit.device.Device;
import dev.godwit.device.DeviceContract;
import dev.godwit.snapshot.Sections;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.Test;

class UartTest extends DeviceContract {
  private static final int BASE = AddressMap.COM1_PORT;
  private static final int GSI = AddressMap.COM1_GSI;

  /** A far end that remembers what came and gives what it is told to. */
  private static final class FarEnd implements SerialLine {
    final ConcurrentLinkedQueue<Integer> waiting = new ConcurrentLinkedQueue<>();
    final StringBuilder sent = new StringBuilder();
    private Runnable arrived = () -> {};

    @Override
    public void transmit(int octet) {
      sent.append((char) octet);
    }

    @Override
    public int receive() {
      Integer octet = waiting.poll();
      return octet == null ? -1 : octet;
    }

    @Override
    public void onInput(Runnable arrived) {
      this.arrived = arrived;
    }

    void give(String text) {
      text.chars().forEach(waiting::add);
      arrived.run();
    }
  }

  private final FarEnd farEnd = new FarEnd();

  @Override
  protected Device create(Board on) {
    Uart uart =
        new Uart("com1", BASE, on.lines.line(GSI), on == board ? farEnd : new FarEnd(), on.clock);
    uart.attach(on.bus);
    return uart;
  }

  @Override
  protected List<Range> ranges() {
    return List.of(new Range(false, BASE, PORTS));
  }

  @Override
  protected void exercise(Device device, Board on) {
    openAsLinuxDoes();
    farEnd.give("abc");
    out(DATA, 'x');
  }

  private int in(int register) {
    return board.bus.io().read(BASE + register, 1);
  }

  private void out(int register, int value) {
    board.bus.io().write(BASE + register, 1, value);
  }

  private void openAsLinuxDoes() {
    out(LCR, 0x83);
    out(DATA, 1);
    out(IER, 0);
    out(LCR, 0x03);
    out(IIR_FCR, 0x01 | 0x06);
    out(IIR_FCR, 0x81);
    out(MCR, MCR_DTR | MCR_RTS | MCR_OUT2);
    out(IER, IER_RECEIVED | IER_LINE_STATUS);
  }

  private static ConditionFactory soon() {
    return await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(1));
  }

  private void passNanos(long nanos) {
    // A timer looks at the clock when it is armed; thawing at the new time makes it look again.
    board.clock.freeze();
    board.clock.thaw(nanos);
  }

  @Test
  void looksLikeA16550AndNothingBetterToADriverThatProbes() {
    out(IER, 0);
    assertEquals(0, in(IER));
    out(IER, 0xFF);
    assertEquals(0x0F, in(IER));
    out(IER, 0);
    out(MCR, MCR_LOOP | MCR_OUT2 | MCR_RTS);
    assertEquals(MSR_DCD | MSR_CTS, in(MSR) & 0xF0);
    out(MCR, 0);
    assertEquals(0, in(IIR_FCR) >> 6);
    out(IIR_FCR, 0x01);
    assertEquals(3, in(IIR_FCR) >> 6);
    out(IIR_FCR, 0x21);
    assertEquals(6, in(IIR_FCR) >> 5, "not a 16750");
    out(LCR, 0xBF);
    assertTrue(in(IIR_FCR) != 0, "no extended features register");
    out(LCR, 0);
    out(SCRATCH, 0xA5);
    assertEquals(0xA5, in(SCRATCH));
  }

  @Test
  void transmitsAtOnceAndSaysSo() {
    "hello".chars().forEach(octet -> out(DATA, octet));
    assertEquals("hello", farEnd.sent.toString());
    assertEquals(LSR_HOLDING_EMPTY | LSR_TRANSMITTER_EMPTY, in(LSR));
  }

  @Test
  void reportsAnEmptyTransmitterWheneverItsInterruptIsEnabled() {
    for (int i = 0; i < 3; i++) {
      out(IER, IER_TRANSMITTER_EMPTY);
      assertTrue(board.lines.isHigh(GSI));
      assertEquals(IIR_TRANSMITTER_EMPTY, in(IIR_FCR));
      assertFalse(board.lines.isHigh(GSI), "reading IIR acknowledges it");
      assertEquals(IIR_NONE, in(IIR_FCR));
      out(IER, 0);
    }
  }

  @Test
  void eachByteSentBringsTheNextTransmitterInterrupt() {
    out(IER, IER_TRANSMITTER_EMPTY);
    in(IIR_FCR);
    out(DATA, 'a');
    assertTrue(board.lines.isHigh(GSI));
    assertEquals(IIR_TRANSMITTER_EMPTY, in(IIR_FCR));
  }

  @Test
  void reportsReceivedBytesAtTheTriggerAndLowersTheLineBelowIt() {
    openAsLinuxDoes();
    farEnd.give("12345678");
    assertTrue(board.lines.isHigh(GSI));
    assertEquals(IIR_RECEIVED | IIR_FIFO_ON, in(IIR_FCR));
    assertEquals('1', in(DATA));
    assertFalse(board.lines.isHigh(GSI));
  }

  @Test
  void reportsBytesBelowTheTriggerAfterFourCharacterTimes() {
    openAsLinuxDoes();
    farEnd.give("1");
    assertEquals(LSR_DATA_READY, in(LSR) & LSR_DATA_READY);
    assertFalse(board.lines.isHigh(GSI));
    passNanos(4 * characterNanos(3) - 1);
    assertFalse(board.lines.isHigh(GSI));
    passNanos(1);
    soon().until(() -> board.lines.isHigh(GSI));
    assertEquals(IIR_TIMEOUT | IIR_FIFO_ON, in(IIR_FCR));
    assertEquals('1', in(DATA));
    assertEquals(IIR_NONE | IIR_FIFO_ON, in(IIR_FCR));
    assertFalse(board.lines.isHigh(GSI));
  }

  @Test
  void takesInputAtTheRateOfAFastWireAndLosesNoneOfIt() {
    openAsLinuxDoes();
    String text = "the quick brown fox jumps over the lazy dog".repeat(10);
    farEnd.give(text);
    assertEquals(text.length() - FIFO_BYTES, farEnd.waiting.size(), "a FIFO full comes at once");
    StringBuilder got = new StringBuilder();
    long deadline = System.nanoTime() + 20_000_000_000L;
    while (got.length() < text.length() && System.nanoTime() < deadline) {
      soon()
          .until(
              () -> {
                passNanos(characterNanos(3));
                return board.lines.isHigh(GSI);
              });
      while ((in(LSR) & LSR_DATA_READY) != 0) {
        got.append((char) in(DATA));
      }
    }
    assertEquals(text, got.toString());
    assertEquals(0, in(LSR) & LSR_OVERRUN);
  }

  @Test
  void leavesInputWhereItIsWhileTheFifoIsFull() {
    openAsLinuxDoes();
    farEnd.give("x".repeat(100));
    for (int i = 0; i < 10; i++) {
      passNanos(16 * characterNanos(3));
    }
    soon().until(() -> farEnd.waiting.size() == 100 - FIFO_BYTES);
    passNanos(1_000_000_000L);
    assertEquals(100 - FIFO_BYTES, farEnd.waiting.size());
  }

  @Test
  void takesNoInputWhileQuiescedAndTakesItAfterwards() {
    openAsLinuxDoes();
    device().quiesce();
    farEnd.give("late");
    assertEquals(4, farEnd.waiting.size());
    device().resume();
    assertEquals(0, farEnd.waiting.size());
    assertEquals('l', in(DATA));
  }

  @Test
  void loopbackReturnsWhatIsSentAndOverrunsWhenNobodyReads() {
    openAsLinuxDoes();
    out(MCR, MCR_LOOP);
    for (int i = 0; i < FIFO_BYTES; i++) {
      out(DATA, 'a' + i);
    }
    assertEquals(0, in(LSR) & LSR_OVERRUN);
    out(DATA, 'z');
    assertEquals(IIR_LINE_STATUS | IIR_FIFO_ON, in(IIR_FCR));
    assertEquals(LSR_OVERRUN, in(LSR) & LSR_OVERRUN);
    assertEquals(0, in(LSR) & LSR_OVERRUN, "reading LSR clears it");
    assertEquals('a', in(DATA));
    assertEquals("", farEnd.sent.toString());
  }

  @Test
  void loopbackReportsChangesOfTheModemLines() {
    out(MCR, MCR_LOOP);
    in(MSR);
    out(IER, IER_MODEM_STATUS);
    out(MCR, MCR_LOOP | MCR_OUT1 | MCR_RTS);
    assertEquals(IIR_MODEM_STATUS, in(IIR_FCR));
    assertEquals(MSR_CTS | MSR_RING | 0x01, in(MSR), "a ring that starts is no change yet");
    assertEquals(IIR_NONE, in(IIR_FCR));
    out(MCR, MCR_LOOP | MCR_RTS);
    assertEquals(MSR_CTS | MSR_RING_ENDED, in(MSR));
  }

  @Test
  void switchingTheFifoEmptiesIt() {
    openAsLinuxDoes();
    farEnd.give("abc");
    out(IIR_FCR, 0);
    assertEquals(0, in(LSR) & LSR_DATA_READY);
    assertEquals(0, in(IIR_FCR) & IIR_FIFO_ON);
  }

  @Test
  void divisorIsBehindTheLatchBit() {
    out(LCR, LCR_DLAB);
    out(DATA, 0x34);
    out(IER, 0x12);
    assertEquals(0x34, in(DATA));
    assertEquals(0x12, in(IER));
    out(LCR, 0);
    assertEquals(0, in(IER));
    assertEquals("", farEnd.sent.toString());
  }

  @Test
  void restoresPendingInterruptsAndTheTimeoutThatIsStillToCome() {
    openAsLinuxDoes();
    farEnd.give("q");
    Board fresh = new Board();
    Device moved = create(fresh);
    Sections.restore(moved.stateParts(), Sections.save(device().stateParts()));
    assertFalse(fresh.lines.isHigh(GSI));
    fresh.clock.thaw(4 * characterNanos(3));
    soon().until(() -> fresh.lines.isHigh(GSI));
    assertEquals(IIR_TIMEOUT | IIR_FIFO_ON, fresh.bus.io().read(BASE + IIR_FCR, 1));
    assertEquals('q', fresh.bus.io().read(BASE + DATA, 1));
    fresh.close();
  }
}
