package dev.godwit.e2e.chaos;

import dev.godwit.boot.BootImage;
import dev.godwit.cli.host.AssembledMachine;
import dev.godwit.cli.host.MachineAssembler;
import dev.godwit.cpu.CpuEngine;
import dev.godwit.cpu.CpuModel;
import dev.godwit.machine.CpuEngines;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.MachineConfig.DeviceConfig;
import dev.godwit.machine.Pc;
import dev.godwit.memory.GuestMemory;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** PCs with a witness: everything else is what users get. */
final class ChaosAssembler implements MachineAssembler {
  private final Path witnesses;
  private final Set<Machine> living = ConcurrentHashMap.newKeySet();

  ChaosAssembler(Path witnesses) {
    this.witnesses = witnesses;
  }

  /** Returns how many machines have been made and have not ended. */
  int living() {
    return living.size();
  }

  @Override
  public MachineConfig configure(String name, long ramBytes, int vcpus) {
    List<DeviceConfig> devices = new ArrayList<>(Pc.STANDARD_DEVICES);
    devices.add(new DeviceConfig(WitnessPort.KIND, WitnessPort.INSTANCE, Map.of()));
    return new MachineConfig(
        name, ramBytes, vcpus, CpuModel.DEFAULT.title(), devices, MachineConfig.DEFAULT_TSC_HZ);
  }

  @Override
  public AssembledMachine assemble(
      MachineConfig config, GuestMemory memory, String engineName, Optional<BootImage> image) {
    CpuEngine engine = CpuEngines.create(engineName);
    Pc pc;
    try {
      pc =
          Pc.build(
              config,
              memory,
              engine,
              InstantSource.system(),
              device ->
                  device.kind().equals(WitnessPort.KIND)
                      ? Optional.of(new WitnessPort(Witness.open(witnesses, config.name())))
                      : Optional.empty());
    } catch (RuntimeException e) {
      engine.close();
      throw e;
    }
    Machine machine = pc.machine();
    living.add(machine);
    machine.stopped().thenAccept(end -> living.remove(machine));
    image.ifPresent(
        kernel -> {
          ChaosGuest.prepare(memory);
          pc.load(kernel);
        });
    return new AssembledMachine(
        machine, pc.console(), engineName, pc::pressPowerButton, pc::enter, pc::guestStatus);
  }
}
