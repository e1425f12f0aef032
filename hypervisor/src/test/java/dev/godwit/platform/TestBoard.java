package dev.godwit.platform;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.LocalApicPort;
import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.Sections;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A platform with buses and a clock that moves only when the test says so. */
final class TestBoard implements AutoCloseable {
  static final long TSC_HZ = 2_000_000_000L;
  static final Instant POWER_ON = Instant.parse("2026-11-21T23:59:58.250Z");

  /** A vector for the local APIC's timer, and where the tests enable it. */
  static final int SPURIOUS = 0x1FF;

  final PortBus io = new PortBus();
  final MmioBus mmio = new MmioBus();
  final GuestClock clock = new GuestClock(() -> 0, TSC_HZ);
  final List<AtomicInteger> wakes = new ArrayList<>();
  final AtomicInteger powerOffs = new AtomicInteger();
  final AtomicInteger resets = new AtomicInteger();
  final Platform platform;

  /** Makes a board whose time runs, at zero. */
  TestBoard(int vcpus) {
    this(vcpus, POWER_ON);
    clock.thaw(0);
  }

  private TestBoard(int vcpus, Instant powerOn) {
    platform =
        new Platform(
            new Platform.Wiring(
                vcpus,
                512L << 20,
                io,
                mmio,
                clock,
                InstantSource.fixed(powerOn),
                powerOffs::incrementAndGet,
                resets::incrementAndGet));
    for (int i = 0; i < vcpus; i++) {
      AtomicInteger wake = new AtomicInteger();
      wakes.add(wake);
      platform.attachWake(i, wake::incrementAndGet);
    }
  }

  /** Lets guest time pass and returns when every timer that is due has fired. */
  void advance(long nanos) {
    clock.freeze();
    clock.thaw(nanos);
    // Timers with equal deadlines fire in any order: once for each that could share the last one.
    for (int i = 0; i < 16; i++) {
      CountDownLatch fired = new CountDownLatch(1);
      clock.timer("sentinel", fired::countDown).arm(clock.nowNanos());
      try {
        if (!fired.await(20, TimeUnit.SECONDS)) {
          throw new AssertionError("the clock's thread does not fire timers");
        }
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** Advances in steps, so that a periodic timer is served at each of them. */
  void advance(int times, long nanos) {
    for (int i = 0; i < times; i++) {
      advance(nanos);
    }
  }

  /**
   * Saves this board, serialises, and restores into a new one of another power-on time, whose time
   * then runs.
   */
  TestBoard migrate() {
    clock.freeze();
    List<Section> sections = Sections.save(platform.stateParts());
    TestBoard other = new TestBoard(wakes.size(), Instant.parse("2030-01-01T00:00:00Z"));
    Sections.restore(other.platform.stateParts(), sections);
    other.clock.thaw(0);
    return other;
  }

  LocalApicPort apic(int vcpu) {
    return platform.apic(vcpu);
  }

  /** Enables a vCPU's local APIC with everything masked but what the test unmasks. */
  LocalApicPort enabledApic(int vcpu) {
    LocalApicPort apic = apic(vcpu);
    apic.writeRegister(LapicRegisters.SVR, SPURIOUS);
    apic.writeRegister(LapicRegisters.LVT_TIMER + 0x30, LapicRegisters.LVT_MASKED);
    return apic;
  }

  /** Takes the pending interrupt, or returns -1. */
  int take(int vcpu) {
    return apic(vcpu).hasInterrupt() ? apic(vcpu).acknowledgeInterrupt() : -1;
  }

  void eoi(int vcpu) {
    apic(vcpu).writeRegister(LapicRegisters.EOI, 0);
  }

  /** vCPU 0 takes an interrupt and ends it; returns the vector, or -1 if there was none. */
  int takeAndEnd() {
    int vector = take(0);
    if (vector >= 0) {
      eoi(0);
    }
    return vector;
  }

  /** Takes and ends a timer's ticks at the pace at which owed ones come; returns how many came. */
  int takeAllThatAreOwed(int vector) {
    int taken = 0;
    while (takeAndEnd() == vector) {
      taken++;
      advance(TickDebt.PACE_NANOS);
    }
    return taken;
  }

  /** Writes a redirection entry of the I/O APIC. */
  void redirect(int pin, long entry) {
    writeIoApic(0x10 + 2 * pin + 1, (int) (entry >>> 32));
    writeIoApic(0x10 + 2 * pin, (int) entry);
  }

  /** Reads a redirection entry. */
  long redirection(int pin) {
    return (long) readIoApic(0x10 + 2 * pin + 1) << 32 | readIoApic(0x10 + 2 * pin) & 0xFFFFFFFFL;
  }

  void writeIoApic(int register, int value) {
    mmio.write(AddressMap.IOAPIC_GPA, 4, register);
    mmio.write(AddressMap.IOAPIC_GPA + 0x10, 4, value & 0xFFFFFFFFL);
  }

  int readIoApic(int register) {
    mmio.write(AddressMap.IOAPIC_GPA, 4, register);
    return (int) mmio.read(AddressMap.IOAPIC_GPA + 0x10, 4);
  }

  /**
   * Initialises both PICs as a PC does: vectors 0x30 and 0x38, everything masked but {@code irqs}.
   */
  void initializePics(int... irqs) {
    int mask = 0xFFFF;
    for (int irq : irqs) {
      mask &= ~(1 << irq);
    }
    if ((mask & 0xFF00) != 0xFF00) {
      mask &= ~(1 << 2);
    }
    out(0x20, 0x11);
    out(0x21, 0x30);
    out(0x21, 0x04);
    out(0x21, 0x01);
    out(0xA0, 0x11);
    out(0xA1, 0x38);
    out(0xA1, 0x02);
    out(0xA1, 0x01);
    out(0x21, mask & 0xFF);
    out(0xA1, mask >>> 8);
  }

  void out(int port, int value) {
    io.write(port, 1, value);
  }

  int in(int port) {
    return io.read(port, 1);
  }

  @Override
  public void close() {
    clock.close();
  }
}
