package dev.godwit.cli.host;

import dev.godwit.boot.BootImage;
import dev.godwit.cpu.CpuEngine;
import dev.godwit.cpu.CpuModel;
import dev.godwit.machine.CpuEngines;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.Pc;
import dev.godwit.memory.GuestMemory;
import java.time.InstantSource;
import java.util.Optional;

/** Machines that are PCs: the only ones there are. */
public final class PcAssembler implements MachineAssembler {
  @Override
  public MachineConfig configure(String name, long ramBytes, int vcpus) {
    return new MachineConfig(
        name,
        ramBytes,
        vcpus,
        CpuModel.DEFAULT.title(),
        Pc.STANDARD_DEVICES,
        MachineConfig.DEFAULT_TSC_HZ);
  }

  @Override
  public AssembledMachine assemble(
      MachineConfig config, GuestMemory memory, String engineName, Optional<BootImage> image) {
    CpuEngine engine = CpuEngines.create(engineName);
    Pc pc;
    try {
      pc = Pc.build(config, memory, engine, InstantSource.system());
    } catch (RuntimeException e) {
      engine.close();
      throw e;
    }
    image.ifPresent(pc::load);
    return new AssembledMachine(
        pc.machine(), pc.console(), engineName, pc::pressPowerButton, pc::enter, pc::guestStatus);
  }
}
