package dev.godwit.machine;

import dev.godwit.backend.Console;
import dev.godwit.backend.SerialLine;
import dev.godwit.boot.Board;
import dev.godwit.boot.BootImage;
import dev.godwit.boot.LinuxLoader;
import dev.godwit.boot.LongModeEntry;
import dev.godwit.bus.AddressMap;
import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.CpuEngine;
import dev.godwit.cpu.CpuException;
import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.Vcpu;
import dev.godwit.cpu.VcpuPorts;
import dev.godwit.device.Device;
import dev.godwit.device.DeviceBus;
import dev.godwit.device.debug.DebugConsole;
import dev.godwit.device.debug.DebugExit;
import dev.godwit.device.pci.HostBridge;
import dev.godwit.device.pci.LpcBridge;
import dev.godwit.device.pci.PciBus;
import dev.godwit.device.uart.Uart;
import dev.godwit.machine.MachineConfig.DeviceConfig;
import dev.godwit.machine.MachineState.StopReason;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.platform.Platform;
import dev.godwit.snapshot.StatePart;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A machine put together as a PC, and what of it the host talks to. */
public final class Pc {
  /** The devices that every PC has unless its user says otherwise, in bus order. */
  public static final List<DeviceConfig> STANDARD_DEVICES =
      List.of(
          new DeviceConfig(HostBridge.KIND, "00:00.0", Map.of()),
          new DeviceConfig(LpcBridge.KIND, "00:1f.0", Map.of()),
          new DeviceConfig("uart", "com1", Map.of()),
          new DeviceConfig("uart", "com2", Map.of()));

  /** The ports that test programs expect, for machines that ask for them. */
  public static final List<DeviceConfig> DEBUG_DEVICES =
      List.of(
          new DeviceConfig(DebugExit.KIND, DebugExit.INSTANCE, Map.of()),
          new DeviceConfig(DebugConsole.KIND, DebugConsole.INSTANCE, Map.of()));

  private final Machine machine;
  private final Platform platform;
  private final List<Vcpu> vcpus;
  private final Console console;
  private final AtomicReference<OptionalInt> guestStatus;

  private Pc(
      Machine machine,
      Platform platform,
      List<Vcpu> vcpus,
      Console console,
      AtomicReference<OptionalInt> guestStatus) {
    this.machine = machine;
    this.platform = platform;
    this.vcpus = List.copyOf(vcpus);
    this.console = console;
    this.guestStatus = guestStatus;
  }

  /**
   * Builds a machine, created and not started; its RAM is left as it is.
   *
   * @param config what to build
   * @param memory its RAM; the machine's from now on. If this throws, the caller closes it
   * @param engine runs its vCPUs; the machine's from now on
   * @param wallClock the RTC's time at power-on
   * @throws MachineException {@code BAD_CONFIG}
   */
  public static Pc build(
      MachineConfig config, GuestMemory memory, CpuEngine engine, InstantSource wallClock) {
    return build(config, memory, engine, wallClock, device -> Optional.empty());
  }

  /**
   * As above, with devices that this package does not know.
   *
   * @param more makes a device of the configuration; empty if it does not know it either
   */
  public static Pc build(
      MachineConfig config,
      GuestMemory memory,
      CpuEngine engine,
      InstantSource wallClock,
      Function<DeviceConfig, Optional<Device>> more) {
    CpuModel model = cpuModel(config);
    GuestClock clock = new GuestClock(System::nanoTime, config.tscHz());
    Console console = new Console();
    AtomicReference<OptionalInt> guestStatus = new AtomicReference<>(OptionalInt.empty());
    try {
      AtomicReference<@Nullable Machine> built = new AtomicReference<>();
      PortBus io = new PortBus();
      MmioBus mmio = new MmioBus();
      Platform platform =
          new Platform(
              new Platform.Wiring(
                  config.vcpus(),
                  config.ramBytes(),
                  io,
                  mmio,
                  clock,
                  wallClock,
                  () -> end(built, StopReason.POWER_OFF, "the guest powered off"),
                  () -> end(built, StopReason.RESET, "the guest reset the machine")));
      PciBus pci = new PciBus(platform.lines());
      List<Device> devices = new ArrayList<>();
      for (DeviceConfig device : config.devices()) {
        devices.add(
            more.apply(device)
                .orElseGet(
                    () -> createDevice(device, platform, pci, console, clock, built, guestStatus)));
      }
      List<StatePart> parts = new ArrayList<>();
      List<Quiescable> quiescables = new ArrayList<>();
      DeviceBus bus = new DeviceBus(io, mmio);
      for (Device device : devices) {
        device.attach(bus);
        parts.addAll(device.stateParts());
        quiescables.add(new DeviceQuiescence(device));
      }
      List<Vcpu> vcpus = new ArrayList<>();
      for (int i = 0; i < config.vcpus(); i++) {
        Vcpu vcpu =
            engine.createVcpu(
                i, new VcpuPorts(memory, io, mmio, clock, platform.apic(i), config.vcpus(), model));
        platform.attachWake(i, vcpu::wake);
        vcpus.add(vcpu);
      }
      parts.addAll(platform.stateParts());
      vcpus.forEach(vcpu -> parts.add(new VcpuPart(vcpu)));
      Machine machine =
          new Machine(
              config,
              new MachineParts(memory, clock, vcpus, parts, quiescables, List.of(engine, console)));
      built.set(machine);
      return new Pc(machine, platform, vcpus, console, guestStatus);
    } catch (RuntimeException e) {
      clock.close();
      console.close();
      throw e;
    }
  }

  private static CpuModel cpuModel(MachineConfig config) {
    try {
      return CpuModel.named(config.cpuModel());
    } catch (CpuException e) {
      throw new MachineException(MachineException.Code.BAD_CONFIG, String.valueOf(e.getMessage()));
    }
  }

  private static void end(
      AtomicReference<@Nullable Machine> machine, StopReason reason, String detail) {
    Machine built = machine.get();
    if (built != null) {
      built.guestEnded(reason, detail);
    }
  }

  private static Device createDevice(
      DeviceConfig config,
      Platform platform,
      PciBus pci,
      Console console,
      GuestClock clock,
      AtomicReference<@Nullable Machine> machine,
      AtomicReference<OptionalInt> guestStatus) {
    return switch (config.kind() + "/" + config.instance()) {
      case "hostbridge/00:00.0" -> new HostBridge(pci);
      case "lpc/00:1f.0" -> new LpcBridge(pci);
      case "uart/com1" ->
          new Uart(
              "com1",
              AddressMap.COM1_PORT,
              platform.lines().line(AddressMap.COM1_GSI),
              console,
              clock);
      case "uart/com2" ->
          new Uart(
              "com2",
              AddressMap.COM2_PORT,
              platform.lines().line(AddressMap.COM2_GSI),
              SerialLine.unconnected(),
              clock);
      case DebugExit.KIND + "/" + DebugExit.INSTANCE ->
          new DebugExit(
              status -> {
                guestStatus.compareAndSet(OptionalInt.empty(), OptionalInt.of(status));
                end(machine, StopReason.GUEST_EXIT, "the guest ended with status " + status);
              });
      case DebugConsole.KIND + "/" + DebugConsole.INSTANCE -> new DebugConsole(console);
      default ->
          throw new MachineException(
              MachineException.Code.BAD_CONFIG,
              "device "
                  + config.kind()
                  + "/"
                  + config.instance()
                  + " does not exist in this godwit");
    };
  }

  /** Loads a kernel into RAM and sets the boot vCPU to its entry point. Before the start only. */
  public void load(BootImage image) {
    Vcpu boot = vcpus.getFirst();
    Board board = new Board(vcpus.size(), comPorts());
    boot.restore(LinuxLoader.load(image, machine.memory(), board, boot.save()));
    machine.memory().dirty().harvest(new PageSet(machine.memory().framePages()));
  }

  /**
   * Lets the boot vCPU start in 64-bit code that is in RAM already, with interrupts off and the
   * first 4 GiB mapped to themselves; what is below 64 KiB is overwritten. Before the start only.
   */
  public void enter(long entryGpa) {
    Vcpu boot = vcpus.getFirst();
    boot.restore(LongModeEntry.prepare(machine.memory(), boot.save(), entryGpa));
  }

  private int comPorts() {
    return (int)
        machine.config().devices().stream().filter(device -> device.kind().equals("uart")).count();
  }

  /** Returns the machine. */
  public Machine machine() {
    return machine;
  }

  /** Returns the status that the guest has ended the machine with, if it did. */
  public OptionalInt guestStatus() {
    return guestStatus.get();
  }

  /** Returns the far end of COM1. */
  public Console console() {
    return console;
  }

  /** Presses the ACPI power button: a well-behaved guest powers off. */
  public void pressPowerButton() {
    platform.pressPowerButton();
  }

  private record DeviceQuiescence(Device device) implements Quiescable {
    @Override
    public void quiesce() {
      device.quiesce();
    }

    @Override
    public void unquiesce() {
      device.resume();
    }
  }
}
