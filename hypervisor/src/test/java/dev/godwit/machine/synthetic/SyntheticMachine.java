package dev.godwit.machine.synthetic;

import com.google.protobuf.Message;
import com.google.protobuf.StringValue;
import com.google.protobuf.UInt64Value;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.CodeHint;
import dev.godwit.cpu.Vcpu;
import dev.godwit.machine.Machine;
import dev.godwit.machine.Machine.VcpuLock;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.MachineConfig.DeviceConfig;
import dev.godwit.machine.MachineParts;
import dev.godwit.memory.GuestMemory;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;
import dev.godwit.snapshot.StatePart;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A machine of {@link PatternVcpu}s, what it consists of, and the proof that it is whole. */
public final class SyntheticMachine {
  private static final String KIND = "synthetic-load";
  private static final long STATIC_OWNER = 1000;

  private final Machine machine;
  private final List<PatternVcpu> vcpus;
  private final Load load;
  private final StringBuilder device;

  private SyntheticMachine(
      Machine machine, List<PatternVcpu> vcpus, Load load, StringBuilder device) {
    this.machine = machine;
    this.vcpus = vcpus;
    this.load = load;
    this.device = device;
  }

  /**
   * What the guest does.
   *
   * @param workingPages pages that each vCPU rewrites, round and round
   * @param stepsPerSecond how many it rewrites a second; 0 for as many as it can
   * @param staticPages pages that were written once; the rest of RAM is zero
   * @param sectionVersion version of the device's section, 1 unless a test needs a newer program
   * @param changedBytes how many bytes of a page it rewrites, a multiple of 8; 0 for all of them
   */
  public record Load(
      long workingPages,
      long stepsPerSecond,
      long staticPages,
      int sectionVersion,
      int changedBytes) {
    /** Makes a load with today's sections. */
    public static Load of(long workingPages, long stepsPerSecond, long staticPages) {
      return new Load(workingPages, stepsPerSecond, staticPages, 1, 0);
    }

    /** Returns the same, but that so many bytes of a page are rewritten. */
    public Load changing(int bytes) {
      return new Load(workingPages, stepsPerSecond, staticPages, sectionVersion, bytes);
    }

    private Map<String, String> options() {
      return Map.of(
          "working",
          Long.toString(workingPages),
          "steps",
          Long.toString(stepsPerSecond),
          "static",
          Long.toString(staticPages),
          "changed",
          Integer.toString(changedBytes));
    }

    private static Load from(MachineConfig config, int sectionVersion) {
      Map<String, String> options = config.devices().getFirst().options();
      return new Load(
          Long.parseLong(options.getOrDefault("working", "1")),
          Long.parseLong(options.getOrDefault("steps", "1")),
          Long.parseLong(options.getOrDefault("static", "0")),
          sectionVersion,
          Integer.parseInt(options.getOrDefault("changed", "0")));
    }
  }

  /** Returns the configuration of such a machine. */
  public static MachineConfig config(String name, long ramBytes, int vcpus, Load load) {
    return new MachineConfig(
        name,
        ramBytes,
        vcpus,
        "synthetic",
        List.of(new DeviceConfig(KIND, "load", load.options())),
        MachineConfig.DEFAULT_TSC_HZ);
  }

  /** Makes a machine with its first content; not started. */
  public static SyntheticMachine create(MachineConfig config, int sectionVersion) {
    SyntheticMachine made = build(config, GuestMemory.allocate(config.ramBytes()), sectionVersion);
    byte[] page = new byte[GuestMemory.PAGE_BYTES];
    for (long i = 0; i < made.load.staticPages; i++) {
      Pattern.fill(page, STATIC_OWNER, i);
      made.machine.memory().copyIn(made.staticGfn(i) << GuestMemory.PAGE_SHIFT, page);
    }
    made.vcpus.forEach(PatternVcpu::boot);
    return made;
  }

  /** Makes a machine that is to be restored. */
  public static SyntheticMachine build(
      MachineConfig config, GuestMemory memory, int sectionVersion) {
    Load load = Load.from(config, sectionVersion);
    GuestClock clock = new GuestClock(System::nanoTime, config.tscHz());
    List<PatternVcpu> vcpus = new ArrayList<>();
    List<StatePart> parts = new ArrayList<>();
    StringBuilder device = new StringBuilder("written at power-on");
    parts.add(
        new Part<>(
            new SectionKind<>(
                "synthetic-device",
                SectionGroup.DEVICES,
                sectionVersion,
                StringValue.getDefaultInstance(),
                sectionVersion == 1 ? Map.of() : Map.of(1, payload -> payload)),
            "dev0",
            () -> StringValue.of(device.toString()),
            state -> {
              device.setLength(0);
              device.append(state.getValue());
            }));
    parts.add(
        new Part<>(
            SectionKind.first(
                "synthetic-clock", SectionGroup.KERNEL, UInt64Value.getDefaultInstance()),
            "0",
            () -> UInt64Value.of(clock.nowNanos()),
            state -> clock.restore(state.getValue())));
    for (int i = 0; i < config.vcpus(); i++) {
      PatternVcpu vcpu =
          new PatternVcpu(
              i,
              memory,
              16 + i * load.workingPages,
              load.workingPages,
              load.stepsPerSecond,
              load.changedBytes);
      vcpus.add(vcpu);
      parts.add(
          new Part<>(
              SectionKind.first(
                  "synthetic-vcpu", SectionGroup.KERNEL, UInt64Value.getDefaultInstance()),
              Integer.toString(i),
              () -> UInt64Value.of(vcpu.step()),
              state -> vcpu.setStep(state.getValue())));
    }
    Machine machine =
        new Machine(
            config,
            new MachineParts(memory, clock, List.<Vcpu>copyOf(vcpus), parts, List.of(), List.of()));
    return new SyntheticMachine(machine, vcpus, load, device);
  }

  private record Part<M extends Message>(
      SectionKind<M> kind, String instance, Supplier<M> saver, Consumer<M> restorer)
      implements SavedPart<M> {
    @Override
    public M save() {
      return saver.get();
    }

    @Override
    public void restore(M state) {
      restorer.accept(state);
    }
  }

  /** Returns the machine. */
  public Machine machine() {
    return machine;
  }

  /** Returns how many steps all vCPUs have done: it grows only where the machine runs. */
  public long steps() {
    return vcpus.stream().mapToLong(PatternVcpu::step).sum();
  }

  /** Sets the device's state. */
  public void setDevice(String value) {
    device.setLength(0);
    device.append(value);
  }

  /** Returns the device's state. */
  public String device() {
    return device.toString();
  }

  /** Returns what a vCPU was told to decode before it ran. */
  public List<CodeHint> decodedAhead(int vcpu) {
    return vcpus.get(vcpu).decoded();
  }

  private long staticGfn(long i) {
    return (machine.memory().topGpa() >>> GuestMemory.PAGE_SHIFT) - 1 - i;
  }

  /** Checks all of RAM under the lock; returns what is wrong, or nothing. */
  public String check() {
    try (VcpuLock lock = machine.lockAllVcpus()) {
      for (PatternVcpu vcpu : vcpus) {
        String wrong = vcpu.check();
        if (!wrong.isEmpty()) {
          return wrong;
        }
      }
      byte[] page = new byte[GuestMemory.PAGE_BYTES];
      for (long i = 0; i < load.staticPages; i++) {
        Pattern.fill(page, STATIC_OWNER, i);
        if (!Pattern.matches(machine.memory(), staticGfn(i), page)) {
          return "static page " + i + " has changed";
        }
      }
      return "";
    }
  }

  /** Returns what the running vCPUs have found wrong so far, or nothing. */
  public String mismatch() {
    return vcpus.stream()
        .map(PatternVcpu::mismatch)
        .filter(m -> !m.isEmpty())
        .findFirst()
        .orElse("");
  }
}
