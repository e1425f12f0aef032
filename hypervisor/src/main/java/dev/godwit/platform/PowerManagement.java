package dev.godwit.platform;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.InterruptLine;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.Frequencies;
import dev.godwit.clock.GuestClock;

/**
 * ACPI fixed hardware, PM1a event and control blocks with SCI, power button and soft off (ACPI 6.5
 * §4.8.3), and the ways to reset a PC: port 0xCF9, the keyboard controller's pulse, port 0x92.
 *
 * <p>Threads: any. Power-off and reset are called on the vCPU's thread, without locks.
 */
final class PowerManagement implements BytePorts {
  /** The keyboard controller's command port. */
  static final int KEYBOARD_COMMAND_PORT = AddressMap.KEYBOARD_PORT + 4;

  /** System control port A: fast reset in bit 0, A20 gate in bit 1. */
  static final int CONTROL_PORT_A = 0x92;

  private static final int STATUS_PORT = AddressMap.PM1A_EVENT_PORT;
  private static final int ENABLE_PORT = AddressMap.PM1A_EVENT_PORT + 2;
  private static final int CONTROL_PORT = AddressMap.PM1A_CONTROL_PORT;

  // Bits of status and enable.
  private static final int TIMER = 1;
  private static final int GLOBAL_LOCK = 1 << 5;
  private static final int POWER_BUTTON = 1 << 8;
  private static final int RTC_ALARM = 1 << 10;
  private static final int WAKE = 1 << 15;
  private static final int STATUS_BITS = TIMER | GLOBAL_LOCK | POWER_BUTTON | RTC_ALARM | WAKE;
  private static final int ENABLE_BITS = TIMER | GLOBAL_LOCK | POWER_BUTTON | RTC_ALARM;

  // Bits of control.
  private static final int SCI_ENABLED = 1;
  private static final int CONTROL_WRITABLE = 0x1C02;
  private static final int SLEEP = 1 << 13;

  /** Bit 2 of the reset control register: a rising edge resets the processor. */
  private static final int RESET_CPU = 1 << 2;

  private static final int RESET_CONTROL_WRITABLE = 0x0E;
  private static final int FAST_RESET = 1;
  private static final int A20 = 2;

  /**
   * Everything it remembers.
   *
   * @param status PM1a status
   * @param enable PM1a enable
   * @param control PM1a control
   * @param timerOverflows how often the PM timer's top bit had changed when status was last looked
   *     at
   * @param resetControl port 0xCF9
   * @param controlPortA port 0x92
   * @param sciAsserted level of the SCI
   */
  record State(
      int status,
      int enable,
      int control,
      long timerOverflows,
      int resetControl,
      int controlPortA,
      boolean sciAsserted) {
    State {
      StateChecks.require((status & ~STATUS_BITS) == 0, "power", "status", status);
      StateChecks.require((enable & ~ENABLE_BITS) == 0, "power", "enable", enable);
      StateChecks.require(
          (control & ~(CONTROL_WRITABLE | SCI_ENABLED)) == 0, "power", "control", control);
      StateChecks.require(
          (resetControl & ~RESET_CONTROL_WRITABLE) == 0, "power", "reset_control", resetControl);
      StateChecks.require(
          (controlPortA & ~(FAST_RESET | A20)) == 0, "power", "control_port_a", controlPortA);
    }
  }

  private enum Outcome {
    NOTHING,
    POWER_OFF,
    RESET
  }

  private final Object lock = new Object();
  private final GuestClock clock;
  private final InterruptLine sci;
  private final Runnable powerOff;
  private final Runnable reset;
  private final GuestClock.Timer alarm;
  private int status;
  private int enable;
  private int control = SCI_ENABLED;
  private long timerOverflows;
  private int resetControl;
  private int controlPortA = A20;
  private boolean sciAsserted;

  /**
   * @param sci the wire of the SCI
   * @param powerOff called when the guest has powered off
   * @param reset called when the guest has asked for a reset
   */
  PowerManagement(GuestClock clock, InterruptLine sci, Runnable powerOff, Runnable reset) {
    this.clock = clock;
    this.sci = sci;
    this.powerOff = powerOff;
    this.reset = reset;
    this.alarm = clock.timer("pmtimer", this::overflowAlarm);
  }

  /** Takes its ports. */
  void attach(PortBus io) {
    io.map(STATUS_PORT, 4, "power", this);
    io.map(CONTROL_PORT, 2, "power", this);
    io.map(AddressMap.SMI_COMMAND_PORT, 1, "power", this);
    io.map(AddressMap.RESET_CONTROL_PORT, 1, "power", this);
    io.map(KEYBOARD_COMMAND_PORT, 1, "power", this);
    io.map(CONTROL_PORT_A, 1, "power", this);
  }

  /** Presses the power button: a guest that listens shuts down in good order. */
  void pressPowerButton() {
    synchronized (lock) {
      status |= POWER_BUTTON;
      drive();
    }
  }

  @Override
  public int readByte(int port) {
    synchronized (lock) {
      collectOverflow();
      return switch (port) {
        case STATUS_PORT -> status & 0xFF;
        case STATUS_PORT + 1 -> status >>> 8;
        case ENABLE_PORT -> enable & 0xFF;
        case ENABLE_PORT + 1 -> enable >>> 8;
        case CONTROL_PORT -> control & 0xFF;
        case CONTROL_PORT + 1 -> control >>> 8;
        case AddressMap.RESET_CONTROL_PORT -> resetControl;
        case CONTROL_PORT_A -> controlPortA;
        // The keyboard controller is idle; nothing answers to an SMI command.
        default -> 0;
      };
    }
  }

  @Override
  public void writeByte(int port, int value) {
    Outcome outcome = Outcome.NOTHING;
    synchronized (lock) {
      collectOverflow();
      switch (port) {
        case STATUS_PORT -> status &= ~value;
        case STATUS_PORT + 1 -> status &= ~(value << 8);
        case ENABLE_PORT -> enable = (enable & 0xFF00 | value) & ENABLE_BITS;
        case ENABLE_PORT + 1 -> enable = (enable & 0xFF | value << 8) & ENABLE_BITS;
        case CONTROL_PORT -> control = control & (0xFF00 | SCI_ENABLED) | value & CONTROL_WRITABLE;
        case CONTROL_PORT + 1 -> outcome = writeControlHigh(value << 8);
        case AddressMap.SMI_COMMAND_PORT -> writeSmiCommand(value);
        case AddressMap.RESET_CONTROL_PORT -> {
          outcome = (value & ~resetControl & RESET_CPU) != 0 ? Outcome.RESET : Outcome.NOTHING;
          resetControl = value & RESET_CONTROL_WRITABLE;
        }
        // Commands 0xF0-0xFF pulse the output lines whose bits are 0; line 0 is the processor's
        // reset.
        case KEYBOARD_COMMAND_PORT ->
            outcome = (value & 0xF1) == 0xF0 ? Outcome.RESET : Outcome.NOTHING;
        case CONTROL_PORT_A -> {
          outcome = (value & ~controlPortA & FAST_RESET) != 0 ? Outcome.RESET : Outcome.NOTHING;
          controlPortA = value & (FAST_RESET | A20);
        }
        default -> {}
      }
      drive();
      arm();
    }
    switch (outcome) {
      case NOTHING -> {}
      case POWER_OFF -> powerOff.run();
      case RESET -> reset.run();
    }
  }

  private Outcome writeControlHigh(int value) {
    control = control & 0xFF | value & CONTROL_WRITABLE;
    boolean off = (value & SLEEP) != 0 && (value >>> 10 & 7) == AddressMap.SLEEP_TYPE_SOFT_OFF;
    return off ? Outcome.POWER_OFF : Outcome.NOTHING;
  }

  private void writeSmiCommand(int value) {
    if (value == AddressMap.ACPI_ENABLE_COMMAND) {
      control |= SCI_ENABLED;
    } else if (value == AddressMap.ACPI_DISABLE_COMMAND) {
      control &= ~SCI_ENABLED;
    }
  }

  private long overflows() {
    return GuestClock.ticks(clock.nowNanos(), Frequencies.PM_TIMER_HZ) >>> 31;
  }

  private void collectOverflow() {
    long overflows = overflows();
    if (overflows != timerOverflows) {
      timerOverflows = overflows;
      status |= TIMER;
    }
  }

  private void overflowAlarm() {
    synchronized (lock) {
      collectOverflow();
      drive();
      arm();
    }
  }

  private void drive() {
    sciAsserted = (control & SCI_ENABLED) != 0 && (status & enable) != 0;
    sci.set(sciAsserted);
  }

  private void arm() {
    if ((enable & TIMER) != 0) {
      alarm.arm(GuestClock.nanosAt(timerOverflows + 1 << 31, Frequencies.PM_TIMER_HZ));
    } else {
      alarm.cancel();
    }
  }

  /** Returns the whole state. */
  State save() {
    synchronized (lock) {
      return new State(
          status, enable, control, timerOverflows, resetControl, controlPortA, sciAsserted);
    }
  }

  /** Replaces the whole state and arms the alarm; drives nothing. */
  void restore(State state) {
    StateChecks.require(
        state.timerOverflows() >= 0 && state.timerOverflows() <= overflows(),
        "power/0",
        "timer_overflows",
        state.timerOverflows());
    synchronized (lock) {
      status = state.status();
      enable = state.enable();
      control = state.control();
      timerOverflows = state.timerOverflows();
      resetControl = state.resetControl();
      controlPortA = state.controlPortA();
      sciAsserted = state.sciAsserted();
      arm();
    }
  }
}
