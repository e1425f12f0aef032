package dev.godwit.device.uart;

import static dev.godwit.device.uart.UartRegisters.*;

import dev.godwit.backend.SerialLine;
import dev.godwit.bus.InterruptLine;
import dev.godwit.bus.PortHandler;
import dev.godwit.clock.GuestClock;
import dev.godwit.device.Device;
import dev.godwit.device.DeviceBus;
import dev.godwit.snapshot.StatePart;
import java.util.List;

/**
 * A 16550A UART (PC16550D data sheet) whose wire has no errors and whose transmitter takes no time.
 *
 * <p>A byte that the guest writes is on the {@link SerialLine} at once, so the transmitter is
 * always empty again and its interrupt follows immediately. Received bytes come at 115,200 baud,
 * whatever the divisor says: fast enough for who pastes, and not so fast that a driver's buffers
 * overflow. They wait at the far end of the line until the FIFO has room, so none is ever overrun.
 * Word length, parity and stop bits affect timing only. The interrupt line is level: high while
 * anything enabled is to be reported; OUT2 does not gate it.
 *
 * <p>Threads: any; one lock guards all of the state.
 */
public final class Uart implements Device, PortHandler {
  static final String KIND = "uart";

  private final String instance;
  private final int firstPort;
  private final InterruptLine interrupt;
  private final SerialLine line;
  private final GuestClock clock;
  private final GuestClock.Timer timeoutTimer;
  private final GuestClock.Timer receiveTimer;
  private final List<StatePart> parts = List.of(new UartPart(this));

  private int ier;
  private int fcr;
  private int lcr;
  private int mcr;
  private int lineErrors;
  private int modemChanges;
  private int scratch;
  private int divisor;
  private final byte[] fifo = new byte[FIFO_BYTES];
  private int fifoStart;
  private int fifoCount;
  private boolean transmitterEmptyPending;
  private boolean timeoutPending;
  private long timeoutAtNanos;

  /** What the timeout's timer is armed for, 0 if for nothing. Not later than the timeout. */
  private long timerAtNanos;

  /**
   * When the wire can bring the next character. Not saved: what is still on the wire is not in the
   * machine.
   */
  private long nextCharacterNanos;

  private boolean quiesced;

  /**
   * Makes a UART in its reset state.
   *
   * @param instance "com1"
   * @param firstPort the first of its eight ports
   * @param interrupt its wire to the interrupt controllers, its own
   * @param line what it is connected to
   * @param clock guest time, for receive timeouts and the pace of input
   */
  public Uart(
      String instance, int firstPort, InterruptLine interrupt, SerialLine line, GuestClock clock) {
    this.instance = instance;
    this.firstPort = firstPort;
    this.interrupt = interrupt;
    this.line = line;
    this.clock = clock;
    this.timeoutTimer = clock.timer(instance + " receive timeout", this::receiveTimeout);
    this.receiveTimer = clock.timer(instance + " next character", this::inputArrived);
    reset();
    line.onInput(this::inputArrived);
  }

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return instance;
  }

  @Override
  public List<StatePart> stateParts() {
    return parts;
  }

  @Override
  public void attach(DeviceBus bus) {
    bus.io().map(firstPort, PORTS, instance, this);
  }

  @Override
  public synchronized void reset() {
    setState(new UartState(0, 0, 0, 0, 0, 0, 0, 1, new byte[0], false, false, 0));
  }

  @Override
  public synchronized void quiesce() {
    quiesced = true;
  }

  @Override
  public synchronized void resume() {
    quiesced = false;
    receive();
    driveInterrupt();
  }

  @Override
  public synchronized int readPort(int port, int sizeBytes) {
    int value = 0;
    for (int i = 0; i < sizeBytes; i++) {
      int offset = port - firstPort + i;
      value |= (offset < PORTS ? readRegister(offset) : 0xFF) << (8 * i);
    }
    return value;
  }

  @Override
  public synchronized void writePort(int port, int sizeBytes, int value) {
    for (int i = 0; i < sizeBytes && port - firstPort + i < PORTS; i++) {
      writeRegister(port - firstPort + i, value >>> (8 * i) & 0xFF);
    }
  }

  private int readRegister(int offset) {
    boolean dlab = (lcr & LCR_DLAB) != 0;
    int value =
        switch (offset) {
          case DATA -> dlab ? divisor & 0xFF : readReceived();
          case IER -> dlab ? divisor >> 8 : ier;
          case IIR_FCR -> readIdentification();
          case LCR -> lcr;
          case MCR -> mcr;
          case LSR -> readLineStatus();
          case MSR -> readModemStatus();
          default -> scratch;
        };
    driveInterrupt();
    return value;
  }

  private void writeRegister(int offset, int value) {
    boolean dlab = (lcr & LCR_DLAB) != 0;
    switch (offset) {
      case DATA -> {
        if (dlab) {
          divisor = divisor & 0xFF00 | value;
        } else {
          transmit(value);
        }
      }
      case IER -> {
        if (dlab) {
          divisor = divisor & 0xFF | value << 8;
        } else {
          writeInterruptEnable(value);
        }
      }
      case IIR_FCR -> writeFifoControl(value);
      case LCR -> lcr = value;
      case MCR -> writeModemControl(value);
      case SCRATCH -> scratch = value;
      default -> {
        // LSR and MSR are read-only; the factory test that writes them is not for guests.
      }
    }
    driveInterrupt();
  }

  private int readReceived() {
    if (fifoCount == 0) {
      return 0;
    }
    int octet = fifo[fifoStart] & 0xFF;
    fifoStart = (fifoStart + 1) % FIFO_BYTES;
    fifoCount--;
    receive();
    restartTimeout();
    return octet;
  }

  private int readIdentification() {
    int reason = pendingReason();
    if (reason == IIR_TRANSMITTER_EMPTY) {
      transmitterEmptyPending = false;
    }
    return reason | (fifoOn() ? IIR_FIFO_ON : 0);
  }

  private int readLineStatus() {
    int status =
        LSR_HOLDING_EMPTY
            | LSR_TRANSMITTER_EMPTY
            | lineErrors
            | (fifoCount > 0 ? LSR_DATA_READY : 0);
    lineErrors = 0;
    return status;
  }

  private int readModemStatus() {
    int status = modemLines() | modemChanges;
    modemChanges = 0;
    return status;
  }

  private void transmit(int octet) {
    if (looped()) {
      loopBack(octet);
    } else {
      line.transmit(octet);
    }
    transmitterEmptyPending = true;
  }

  /**
   * Receives what the guest sent to itself: with no flow control, this is the one way to an
   * overrun.
   */
  private void loopBack(int octet) {
    if (fifoCount < capacity()) {
      push(octet);
    } else {
      lineErrors |= LSR_OVERRUN;
      if (!fifoOn()) {
        fifo[fifoStart] = (byte) octet;
      }
    }
    restartTimeout();
  }

  private void writeInterruptEnable(int value) {
    int enabled = value & IER_BITS & ~ier;
    ier = value & IER_BITS;
    if ((enabled & IER_TRANSMITTER_EMPTY) != 0) {
      // The holding register is empty, which enabling the interrupt reports (PC16550D 8.6.4).
      transmitterEmptyPending = true;
    }
  }

  private void writeFifoControl(int value) {
    boolean on = (value & FCR_ENABLE) != 0;
    if (on != fifoOn() || on && (value & FCR_CLEAR_RECEIVER) != 0) {
      fifoCount = 0;
    }
    fcr = on ? value & FCR_KEPT_BITS : 0;
    receive();
    restartTimeout();
  }

  private void writeModemControl(int value) {
    int before = modemLines();
    mcr = value & MCR_BITS;
    int after = modemLines();
    int changed = before ^ after;
    modemChanges |= changed >> 4 & (MSR_CHANGES & ~MSR_RING_ENDED);
    if ((changed & before & MSR_RING) != 0) {
      modemChanges |= MSR_RING_ENDED;
    }
    receive();
  }

  /**
   * Returns MSR's upper half: a terminal that is always there or, in loopback, the guest's own
   * outputs.
   */
  private int modemLines() {
    if (!looped()) {
      return MSR_CTS | MSR_DSR | MSR_DCD;
    }
    return ((mcr & MCR_RTS) != 0 ? MSR_CTS : 0)
        | ((mcr & MCR_DTR) != 0 ? MSR_DSR : 0)
        | ((mcr & MCR_OUT1) != 0 ? MSR_RING : 0)
        | ((mcr & MCR_OUT2) != 0 ? MSR_DCD : 0);
  }

  private boolean looped() {
    return (mcr & MCR_LOOP) != 0;
  }

  private boolean fifoOn() {
    return (fcr & FCR_ENABLE) != 0;
  }

  private int capacity() {
    return fifoOn() ? FIFO_BYTES : 1;
  }

  private void push(int octet) {
    fifo[(fifoStart + fifoCount) % FIFO_BYTES] = (byte) octet;
    fifoCount++;
  }

  private synchronized void inputArrived() {
    receive();
    driveInterrupt();
  }

  /**
   * Takes what the line has, as far as there is room and the rate allows. After an idle time a FIFO
   * full may come at once; the wire is then busy for as long as these characters take, so that the
   * rate holds on average with few timer events.
   */
  private void receive() {
    if (quiesced || looped() || fifoCount == capacity()) {
      return;
    }
    long now = clock.nowNanos();
    if (now < nextCharacterNanos) {
      return; // The timer that was armed with it is to come.
    }
    int received = 0;
    while (fifoCount < capacity()) {
      int octet = line.receive();
      if (octet < 0) {
        break;
      }
      push(octet);
      received++;
    }
    if (received > 0) {
      nextCharacterNanos = now + received * characterNanos(lcr);
      receiveTimer.arm(nextCharacterNanos);
      restartTimeout();
    }
  }

  /**
   * Starts the four characters' time after which bytes below the trigger are reported (PC16550D
   * 8.4).
   */
  private void restartTimeout() {
    timeoutPending = false;
    timeoutAtNanos =
        fifoOn() && fifoCount > 0 ? Math.max(1, clock.nowNanos() + 4 * characterNanos(lcr)) : 0;
    armTimeout();
  }

  /**
   * Makes the timer fire no later than the timeout. One that fires too early is armed again:
   * cheaper than at every byte.
   */
  private void armTimeout() {
    if (timeoutAtNanos != 0 && (timerAtNanos == 0 || timeoutAtNanos < timerAtNanos)) {
      timerAtNanos = timeoutAtNanos;
      timeoutTimer.arm(timerAtNanos);
    }
  }

  private synchronized void receiveTimeout() {
    timerAtNanos = 0;
    if (timeoutAtNanos != 0 && clock.nowNanos() >= timeoutAtNanos) {
      timeoutAtNanos = 0;
      timeoutPending = true;
      driveInterrupt();
    }
    armTimeout();
  }

  /**
   * Returns what IIR's low half reports: the first of the enabled reasons, by priority (PC16550D
   * table III).
   */
  private int pendingReason() {
    if ((ier & IER_LINE_STATUS) != 0 && lineErrors != 0) {
      return IIR_LINE_STATUS;
    }
    if ((ier & IER_RECEIVED) != 0) {
      if (fifoCount >= triggerBytes(fcr)) {
        return IIR_RECEIVED;
      }
      if (timeoutPending) {
        return IIR_TIMEOUT;
      }
    }
    if ((ier & IER_TRANSMITTER_EMPTY) != 0 && transmitterEmptyPending) {
      return IIR_TRANSMITTER_EMPTY;
    }
    if ((ier & IER_MODEM_STATUS) != 0 && modemChanges != 0) {
      return IIR_MODEM_STATUS;
    }
    return IIR_NONE;
  }

  private void driveInterrupt() {
    interrupt.set(pendingReason() != IIR_NONE);
  }

  synchronized UartState state() {
    byte[] received = new byte[fifoCount];
    for (int i = 0; i < fifoCount; i++) {
      received[i] = fifo[(fifoStart + i) % FIFO_BYTES];
    }
    return new UartState(
        ier,
        fcr,
        lcr,
        mcr,
        lineErrors,
        modemChanges,
        scratch,
        divisor,
        received,
        transmitterEmptyPending,
        timeoutPending,
        timeoutAtNanos);
  }

  synchronized void setState(UartState state) {
    ier = state.interruptEnable();
    fcr = state.fifoControl();
    lcr = state.lineControl();
    mcr = state.modemControl();
    lineErrors = state.lineErrors();
    modemChanges = state.modemChanges();
    scratch = state.scratch();
    divisor = state.divisor();
    fifoStart = 0;
    fifoCount = state.received().length;
    System.arraycopy(state.received(), 0, fifo, 0, fifoCount);
    transmitterEmptyPending = state.transmitterEmptyPending();
    timeoutPending = state.timeoutPending();
    timeoutAtNanos = state.timeoutAtNanos();
    nextCharacterNanos = 0;
    timerAtNanos = 0;
    timeoutTimer.cancel();
    armTimeout();
    driveInterrupt();
  }
}
