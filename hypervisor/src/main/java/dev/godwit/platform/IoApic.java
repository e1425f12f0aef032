package dev.godwit.platform;

import dev.godwit.bus.MmioHandler;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The I/O APIC: 24 pins, each with a redirection entry (82093AA data sheet). Version 0x11, as KVM's
 * and bhyve's: level interrupts end by the local APIC's broadcast.
 *
 * <p>Threads: any. Its lock is taken after a device's and before a local APIC's.
 */
final class IoApic implements MmioHandler {
  /** How many pins. */
  static final int PINS = 24;

  private static final int SELECT_OFFSET = 0x00;
  private static final int WINDOW_OFFSET = 0x10;

  private static final int ID_REGISTER = 0;
  private static final int VERSION_REGISTER = 1;
  private static final int ARBITRATION_REGISTER = 2;
  private static final int REDIRECTION_REGISTER = 0x10;

  private static final int VERSION_VALUE = 0x11 | (PINS - 1) << 16;

  // Bits of a redirection entry.
  private static final long LOGICAL = 1 << 11;
  private static final long REMOTE_IRR = 1 << 14;
  private static final long LEVEL = 1 << 15;
  private static final long MASKED = 1 << 16;

  /** What software can set: all but delivery status and remote IRR. */
  private static final long WRITABLE = 0xFF000000_0001AFFFL;

  /**
   * Everything it remembers.
   *
   * @param id 0–15
   * @param selectedRegister 0–255
   * @param redirection an entry for each pin
   * @param assertedPins levels, pin 0 in bit 0
   */
  record State(int id, int selectedRegister, List<Long> redirection, int assertedPins) {
    State {
      StateChecks.requireBits(id, 4, "ioapic", "id");
      StateChecks.requireBits(selectedRegister, 8, "ioapic", "selected_register");
      StateChecks.requireSize(redirection, PINS, "ioapic", "redirection entries");
      for (long entry : redirection) {
        StateChecks.require(
            (entry & ~(WRITABLE | REMOTE_IRR)) == 0,
            "ioapic",
            "redirection entry",
            Long.toHexString(entry));
      }
      StateChecks.requireBits(
          Integer.toUnsignedLong(assertedPins), PINS, "ioapic", "asserted_pins");
      redirection = List.copyOf(redirection);
    }
  }

  private final ApicBus bus;
  private final Object lock = new Object();
  private final long[] redirection = new long[PINS];
  private int id;
  private int selectedRegister;
  private int assertedPins;

  /** Makes one in power-on state, every pin masked. */
  IoApic(ApicBus bus) {
    this.bus = bus;
    Arrays.fill(redirection, MASKED);
    bus.onEndOfInterrupt(this::endOfInterrupt);
  }

  /** Drives a pin. */
  void setPin(int pin, boolean asserted) {
    int bit = 1 << pin;
    synchronized (lock) {
      if (((assertedPins & bit) != 0) == asserted) {
        return;
      }
      assertedPins ^= bit;
      if (asserted) {
        service(pin, true);
      }
    }
  }

  /** Says whether an edge of a pin still waits in a local APIC to be taken. */
  boolean isPending(int pin) {
    synchronized (lock) {
      long entry = redirection[pin];
      return (entry & (MASKED | LEVEL)) == 0 && bus.isRequested(message(entry));
    }
  }

  @Override
  public long readMmio(long offset, int sizeBytes) {
    synchronized (lock) {
      return switch ((int) offset) {
        case SELECT_OFFSET -> selectedRegister;
        case WINDOW_OFFSET -> readSelected() & 0xFFFFFFFFL;
        default -> 0;
      };
    }
  }

  @Override
  public void writeMmio(long offset, int sizeBytes, long value) {
    synchronized (lock) {
      switch ((int) offset) {
        case SELECT_OFFSET -> selectedRegister = (int) value & 0xFF;
        case WINDOW_OFFSET -> writeSelected((int) value);
        default -> {}
      }
    }
  }

  private int readSelected() {
    int pin = selectedRegister - REDIRECTION_REGISTER >> 1;
    if (pin >= 0 && pin < PINS) {
      return (int) ((selectedRegister & 1) == 0 ? redirection[pin] : redirection[pin] >>> 32);
    }
    return switch (selectedRegister) {
      case ID_REGISTER, ARBITRATION_REGISTER -> id << 24;
      case VERSION_REGISTER -> VERSION_VALUE;
      default -> 0;
    };
  }

  private void writeSelected(int value) {
    int pin = selectedRegister - REDIRECTION_REGISTER >> 1;
    if (pin >= 0 && pin < PINS) {
      long old = redirection[pin];
      long entry =
          (selectedRegister & 1) == 0
              ? old & 0xFFFFFFFF_00000000L | value & 0xFFFFFFFFL & WRITABLE | old & REMOTE_IRR
              : old & 0xFFFFFFFFL | (long) (value & 0xFF000000) << 32;
      if ((entry & LEVEL) == 0) {
        // Software without an EOI register clears a stuck remote IRR by a moment of edge mode.
        entry &= ~REMOTE_IRR;
      }
      redirection[pin] = entry;
      service(pin, false);
    } else if (selectedRegister == ID_REGISTER) {
      id = value >>> 24 & 0xF;
    }
  }

  /**
   * A local APIC has ended a level interrupt: its pins may interrupt again. Called without locks.
   */
  private void endOfInterrupt(int vector) {
    synchronized (lock) {
      for (int pin = 0; pin < PINS; pin++) {
        long entry = redirection[pin];
        if ((entry & REMOTE_IRR) != 0 && (entry & 0xFF) == vector) {
          redirection[pin] = entry & ~REMOTE_IRR;
          service(pin, false);
        }
      }
    }
  }

  /**
   * Delivers a pin's interrupt if it is due.
   *
   * @param edge the pin has just been asserted; an edge that meets a mask is lost, as in the chip
   */
  private void service(int pin, boolean edge) {
    long entry = redirection[pin];
    if ((entry & MASKED) != 0) {
      return;
    }
    boolean level = (entry & LEVEL) != 0;
    boolean due = level ? (assertedPins >>> pin & 1) != 0 && (entry & REMOTE_IRR) == 0 : edge;
    if (!due) {
      return;
    }
    boolean accepted = bus.send(message(entry));
    if (accepted && level) {
      redirection[pin] = entry | REMOTE_IRR;
    }
  }

  private static InterruptMessage message(long entry) {
    return new InterruptMessage(
        DeliveryMode.of((int) entry),
        (int) entry & 0xFF,
        (entry & LOGICAL) != 0,
        (int) (entry >>> 56),
        (entry & LEVEL) != 0);
  }

  /** Returns the whole state. */
  State save() {
    synchronized (lock) {
      List<Long> entries = new ArrayList<>();
      for (long entry : redirection) {
        entries.add(entry);
      }
      return new State(id, selectedRegister, entries, assertedPins);
    }
  }

  /** Replaces the whole state; delivers nothing. */
  void restore(State state) {
    synchronized (lock) {
      id = state.id();
      selectedRegister = state.selectedRegister();
      for (int pin = 0; pin < PINS; pin++) {
        redirection[pin] = state.redirection().get(pin);
      }
      assertedPins = state.assertedPins();
    }
  }
}
