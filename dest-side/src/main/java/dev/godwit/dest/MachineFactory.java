package dev.godwit.dest;

import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineConfig;
import dev.godwit.memory.GuestMemory;

/** Builds machines that are to be restored. */
public interface MachineFactory {
  /**
   * Builds a machine, created and not started, with all parts that the configuration asks for.
   * Writes nothing to its RAM: that comes from the stream, or is in the mapped file already.
   *
   * @param config what to build, checked by {@link MachineConfig} only: engine, CPU model and
   *     devices are for the factory to check
   * @param memory its RAM, of {@code config.ramBytes()}; the machine's from now on, also to close.
   *     If this throws, the caller closes it
   * @throws dev.godwit.machine.MachineException {@code BAD_CONFIG} or {@code HOST_REFUSED}, in
   *     words for the user of the other side
   */
  Machine build(MachineConfig config, GuestMemory memory);
}
