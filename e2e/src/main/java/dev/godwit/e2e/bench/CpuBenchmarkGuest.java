package dev.godwit.e2e.bench;

import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.bus.PortHandler;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.Vcpu;
import dev.godwit.cpu.VcpuPorts;
import dev.godwit.cpu.VcpuState;
import dev.godwit.cpu.VcpuState.Control;
import dev.godwit.cpu.VcpuState.Segment;
import dev.godwit.cpu.soft.SoftCpuEngine;
import dev.godwit.e2e.oracle.NoApic;
import dev.godwit.memory.GuestMemory;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A process of {@link CpuBenchmark}: one kernel on a vCPU of the soft engine and nothing else.
 *
 * <p>Usage: {@code CpuBenchmarkGuest IMAGE SECONDS}. Prints a line when the kernel starts and after
 * each round: the vCPU thread's CPU time and the wall time in ns, the instructions completed, and
 * the byte that the kernel wrote.
 */
final class CpuBenchmarkGuest implements PortHandler {
  private static final long RAM_BYTES = 64L << 20;
  private static final long LOAD_GPA = 0x10_0000;
  private static final int ENTRY_FIELD = 28; // of the Multiboot header
  private static final int DEBUG_CONSOLE = 0xE9;
  private static final int CODE32 = 0xC09B;
  private static final int DATA32 = 0xC093;

  private final SoftCpuEngine engine = new SoftCpuEngine();
  private final StringBuilder lines = new StringBuilder();
  private final long endNanos;
  private final Vcpu vcpu;

  private CpuBenchmarkGuest(GuestMemory memory, GuestClock clock, double seconds, int entry) {
    PortBus io = new PortBus();
    io.map(DEBUG_CONSOLE, 1, "debug console", this);
    endNanos = System.nanoTime() + (long) (seconds * 1e9);
    vcpu =
        engine.createVcpu(
            0, new VcpuPorts(memory, io, new MmioBus(), clock, new NoApic(), 1, CpuModel.DEFAULT));
    VcpuState reset = vcpu.save();
    Segment data = new Segment(0x10, 0, -1, DATA32);
    vcpu.restore(
        new VcpuState(
            reset.gpr(),
            entry,
            2,
            List.of(data, new Segment(8, 0, -1, CODE32), data, data, data, data),
            reset.ldtr(),
            reset.tr(),
            reset.gdtr(),
            reset.idtr(),
            new Control(0x11, 0, 0, 0, 0),
            reset.debug(),
            reset.msrs(),
            reset.fxsave(),
            VcpuState.Activity.RUNNING,
            false,
            false));
  }

  public static void main(String[] args) throws IOException {
    byte[] image = Files.readAllBytes(Path.of(args[0]));
    try (GuestMemory memory = GuestMemory.allocate(RAM_BYTES);
        GuestClock clock = new GuestClock(System::nanoTime, 1_000_000_000L)) {
      memory.copyIn(LOAD_GPA, image);
      clock.thaw(0);
      int entry = memory.read32(LOAD_GPA + ENTRY_FIELD);
      CpuBenchmarkGuest guest =
          new CpuBenchmarkGuest(memory, clock, Double.parseDouble(args[1]), entry);
      Vcpu.Exit exit = guest.vcpu.run();
      System.out.print(guest.lines);
      System.out.println("ended " + exit);
    }
  }

  @Override
  public int readPort(int port, int sizeBytes) {
    return 0xFF;
  }

  @Override
  public void writePort(int port, int sizeBytes, int value) {
    long cpuNanos = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    long now = System.nanoTime();
    lines.append(
        String.format(
            "%d %d %d %c%n", cpuNanos, now, engine.completedInstructions(), (char) value));
    if (now > endNanos) {
      vcpu.requestExit();
    }
  }
}
