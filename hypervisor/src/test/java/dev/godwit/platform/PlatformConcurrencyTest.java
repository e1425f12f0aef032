package dev.godwit.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.bus.InterruptLine;
import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.LocalApicPort;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** vCPU threads, device threads and the clock's thread meet; the clock is the host's. */
final class PlatformConcurrencyTest {
  private static final int VCPUS = 3;
  private static final int LEVEL_VECTOR = 0x50;
  private static final int MESSAGE_VECTOR = 0x60;
  private static final int IPI_VECTOR = 0x70;
  private static final int TIMER_VECTOR = 0x80;

  /** What a vCPU thread does: waits for its wake, takes interrupts, ends them, answers. */
  private static final class FakeVcpu implements Runnable {
    final Semaphore wake = new Semaphore(0);
    final AtomicInteger[] taken = new AtomicInteger[256];
    private final int index;
    private final Platform platform;
    private final AtomicBoolean stop;
    private final AtomicBoolean levelHeld;
    private final InterruptLine level;

    FakeVcpu(
        int index,
        Platform platform,
        InterruptLine level,
        AtomicBoolean levelHeld,
        AtomicBoolean stop) {
      this.index = index;
      this.platform = platform;
      this.level = level;
      this.levelHeld = levelHeld;
      this.stop = stop;
      for (int i = 0; i < taken.length; i++) {
        taken[i] = new AtomicInteger();
      }
    }

    @Override
    public void run() {
      LocalApicPort apic = platform.apic(index);
      apic.writeRegister(LapicRegisters.SVR, 0x1FF);
      apic.writeRegister(LapicRegisters.DIVIDE_CONFIGURATION, 0xB);
      apic.writeRegister(LapicRegisters.LVT_TIMER, 1 << 17 | TIMER_VECTOR);
      apic.writeRegister(LapicRegisters.INITIAL_COUNT, 100_000);
      while (!stop.get()) {
        wake.acquireUninterruptibly();
        wake.drainPermits();
        while (apic.hasInterrupt()) {
          int vector = apic.acknowledgeInterrupt();
          if (vector < 0) {
            continue;
          }
          if (vector == LEVEL_VECTOR) {
            levelHeld.set(false);
            level.set(false);
          }
          apic.writeRegister(LapicRegisters.EOI, 0);
          taken[vector].incrementAndGet();
          if (vector == MESSAGE_VECTOR) {
            apic.writeRegister(LapicRegisters.ICR_LOW, 3 << 18 | IPI_VECTOR);
          }
        }
      }
    }
  }

  @Test
  @Timeout(120)
  void losesNoInterruptAndNeverDeadlocks() throws InterruptedException {
    try (GuestClock clock = new GuestClock(System::nanoTime, 1_000_000_000L)) {
      MmioBus mmio = new MmioBus();
      Platform platform =
          new Platform(
              new Platform.Wiring(
                  VCPUS,
                  64L << 20,
                  new PortBus(),
                  mmio,
                  clock,
                  InstantSource.system(),
                  () -> {},
                  () -> {}));
      TestBoardIoApic ioApic = new TestBoardIoApic(mmio);
      ioApic.redirect(16, 1L << 56 | 1 << 15 | LEVEL_VECTOR);
      AtomicBoolean stop = new AtomicBoolean();
      AtomicBoolean levelHeld = new AtomicBoolean();
      InterruptLine level = platform.lines().line(16);
      List<FakeVcpu> vcpus = new ArrayList<>();
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < VCPUS; i++) {
        FakeVcpu vcpu = new FakeVcpu(i, platform, level, levelHeld, stop);
        vcpus.add(vcpu);
        platform.attachWake(i, vcpu.wake::release);
        threads.add(Thread.ofPlatform().daemon().start(vcpu));
      }
      clock.thaw(0);
      // The pin's interrupt goes to vCPU 1, messages to vCPU 2, whose answers reach 0 and 1.
      for (int i = 1; i <= 3000; i++) {
        levelHeld.set(true);
        level.set(true);
        platform.lines().sendMsi(0xFEE02000L, MESSAGE_VECTOR);
        int expected = i;
        await(() -> vcpus.get(1).taken[LEVEL_VECTOR].get() == expected && !levelHeld.get());
        await(() -> vcpus.get(2).taken[MESSAGE_VECTOR].get() == expected);
        await(() -> vcpus.get(0).taken[IPI_VECTOR].get() == expected);
      }
      for (FakeVcpu vcpu : vcpus) {
        int before = vcpu.taken[TIMER_VECTOR].get();
        await(() -> vcpu.taken[TIMER_VECTOR].get() > before);
      }
      stop.set(true);
      vcpus.forEach(vcpu -> vcpu.wake.release());
      for (Thread thread : threads) {
        thread.join(TimeUnit.SECONDS.toMillis(20));
        assertTrue(!thread.isAlive());
      }
      assertEquals(3000, vcpus.get(1).taken[LEVEL_VECTOR].get());
      assertEquals(0, vcpus.get(0).taken[LEVEL_VECTOR].get());
    }
  }

  private static void await(java.util.function.BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError("an interrupt was lost");
      }
      Thread.onSpinWait();
    }
  }

  /** The I/O APIC's two registers. */
  private record TestBoardIoApic(MmioBus mmio) {
    void redirect(int pin, long entry) {
      write(0x10 + 2 * pin + 1, entry >>> 32);
      write(0x10 + 2 * pin, entry);
    }

    private void write(int register, long value) {
      mmio.write(dev.godwit.bus.AddressMap.IOAPIC_GPA, 4, register);
      mmio.write(dev.godwit.bus.AddressMap.IOAPIC_GPA + 0x10, 4, value & 0xFFFFFFFFL);
    }
  }
}
