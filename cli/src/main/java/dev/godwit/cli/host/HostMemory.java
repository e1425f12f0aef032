package dev.godwit.cli.host;

import dev.godwit.control.ControlException;
import dev.godwit.dest.HostEnvironment;

/** Whether a machine that is to be made here fits into this host's memory. */
public final class HostMemory {
  private HostMemory() {}

  /**
   * Refuses a machine that the host could not give all of its RAM: the kernel would, at first, and
   * then end some process when the guest uses it.
   *
   * @throws ControlException {@code HOST_REFUSED}
   */
  public static void require(String name, long ramBytes) {
    require(name, ramBytes, HostEnvironment.MemInfo.availableBytes());
  }

  static void require(String name, long ramBytes, long availableBytes) {
    long neededBytes = HostEnvironment.neededMemoryBytes(ramBytes);
    if (neededBytes > availableBytes) {
      throw new ControlException(
          ControlException.Code.HOST_REFUSED,
          "machine %s needs %d MiB of memory here, and %d MiB are available: give it less with --memory, or end something else"
              .formatted(name, neededBytes >> 20, availableBytes >> 20));
    }
  }
}
