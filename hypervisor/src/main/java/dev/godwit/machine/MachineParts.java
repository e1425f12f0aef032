package dev.godwit.machine;

import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.Vcpu;
import dev.godwit.memory.GuestMemory;
import dev.godwit.snapshot.StatePart;
import java.util.List;

/**
 * What a machine is put together from.
 *
 * @param memory its RAM
 * @param clock its time, frozen
 * @param vcpus its vCPUs, index order
 * @param stateParts every part's declaration of state, in restore order within each group
 * @param quiescables devices with threads of their own
 * @param closeables closed in order when the machine is destroyed, after the vCPUs and before clock
 *     and memory
 */
public record MachineParts(
    GuestMemory memory,
    GuestClock clock,
    List<Vcpu> vcpus,
    List<StatePart> stateParts,
    List<Quiescable> quiescables,
    List<AutoCloseable> closeables) {
  /** Copies the lists. */
  public MachineParts {
    vcpus = List.copyOf(vcpus);
    stateParts = List.copyOf(stateParts);
    quiescables = List.copyOf(quiescables);
    closeables = List.copyOf(closeables);
  }
}
