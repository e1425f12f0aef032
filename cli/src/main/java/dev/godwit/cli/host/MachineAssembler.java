package dev.godwit.cli.host;

import dev.godwit.boot.BootImage;
import dev.godwit.machine.MachineConfig;
import dev.godwit.memory.GuestMemory;
import java.util.Optional;

/** Puts machines together. */
public interface MachineAssembler {
  /**
   * Returns what a machine of this size is.
   *
   * @throws dev.godwit.machine.MachineException {@code BAD_CONFIG}
   */
  MachineConfig configure(String name, long ramBytes, int vcpus);

  /**
   * Makes a machine, created and not started.
   *
   * @param memory its RAM, the machine's from now on; the caller's still if this throws
   * @param engine an engine's name, or "auto"
   * @param image what to load into its RAM and boot; empty where its state is to be restored
   * @throws dev.godwit.machine.MachineException {@code BAD_CONFIG} or {@code HOST_REFUSED}
   * @throws dev.godwit.boot.BootException if the image cannot be booted
   */
  AssembledMachine assemble(
      MachineConfig config, GuestMemory memory, String engine, Optional<BootImage> image);
}
