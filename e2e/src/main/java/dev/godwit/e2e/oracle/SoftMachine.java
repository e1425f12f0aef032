package dev.godwit.e2e.oracle;

import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.bus.PortHandler;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.CpuEngine;
import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.Vcpu;
import dev.godwit.cpu.VcpuPorts;
import dev.godwit.cpu.VcpuState;
import dev.godwit.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A bare vCPU of an engine with 64 MiB of RAM and an exit port, and nothing else. */
final class SoftMachine implements CaseMachine {
  private static final long MOST_NANOS = 40_000_000_000L;
  private static final int EXIT_PORT = 0xF4;

  private final Supplier<CpuEngine> engines;
  private final CpuModel model;

  /**
   * @param engines makes an engine for each batch
   * @param model the vCPU's
   */
  SoftMachine(Supplier<CpuEngine> engines, CpuModel model) {
    this.engines = engines;
    this.model = model;
  }

  @Override
  public BatchResult run(RunnerImage image) {
    try (GuestMemory memory = GuestMemory.allocate(RunnerImage.RAM_BYTES);
        GuestClock clock = new GuestClock(System::nanoTime, 1_000_000_000L);
        CpuEngine engine = engines.get()) {
      memory.copyIn(0, MemorySegment.ofArray(image.ram()).asSlice(0, image.usedBytes()));
      PortBus io = new PortBus();
      Exit exit = new Exit();
      io.map(EXIT_PORT, 4, "exit", exit);
      VcpuPorts ports = new VcpuPorts(memory, io, new MmioBus(), clock, new NoApic(), 1, model);
      try (Vcpu vcpu = engine.createVcpu(0, ports)) {
        exit.vcpu = vcpu;
        vcpu.restore(atRunner(vcpu.save()));
        clock.thaw(0);
        String end = run(vcpu, exit);
        byte[] results = new byte[image.cases().size() * RunnerImage.RECORD_BYTES];
        memory.copyOut(image.resultsAt(), MemorySegment.ofArray(results));
        long cursor = memory.read64(RunnerImage.CONTROL + 8L);
        int completed = (int) (cursor - RunnerImage.CASES) / RunnerImage.RECORD_BYTES;
        return new BatchResult(
            ByteBuffer.wrap(results).order(ByteOrder.LITTLE_ENDIAN), completed, end);
      }
    }
  }

  private static String run(Vcpu vcpu, Exit exit) {
    AtomicBoolean late = new AtomicBoolean();
    Thread watch =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    Thread.sleep(MOST_NANOS / 1_000_000);
                    late.set(true);
                    vcpu.requestExit();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
    Vcpu.Exit why = vcpu.run();
    watch.interrupt();
    if (why == Vcpu.Exit.SHUTDOWN) {
      return "the soft CPU ended by a triple fault";
    }
    return late.get() && !exit.asked ? BatchResult.ENDLESS : BatchResult.FINISHED;
  }

  /** The state after QEMU's "BIOS": real mode at 0:8000h. */
  private static VcpuState atRunner(VcpuState reset) {
    List<VcpuState.Segment> segments = new ArrayList<>(reset.segments());
    segments.set(1, new VcpuState.Segment(0, 0, 0xFFFF, 0x9B));
    return new VcpuState(
        reset.gpr(),
        RunnerImage.RUNNER,
        reset.rflags(),
        segments,
        reset.ldtr(),
        reset.tr(),
        reset.gdtr(),
        reset.idtr(),
        reset.control(),
        reset.debug(),
        reset.msrs(),
        reset.fxsave(),
        reset.activity(),
        reset.interruptShadow(),
        reset.nmiBlocked());
  }

  private static final class Exit implements PortHandler {
    private @Nullable Vcpu vcpu;
    private volatile boolean asked;

    @Override
    public int readPort(int port, int sizeBytes) {
      return -1;
    }

    @Override
    public void writePort(int port, int sizeBytes, int value) {
      asked = true;
      if (vcpu != null) {
        vcpu.requestExit();
      }
    }
  }
}
