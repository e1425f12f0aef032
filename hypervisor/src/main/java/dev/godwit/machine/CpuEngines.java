package dev.godwit.machine;

import dev.godwit.cpu.CpuEngine;
import dev.godwit.cpu.soft.SoftCpuEngine;

/** The engines by name. */
public final class CpuEngines {
  /** The name of the engine that runs wherever a JVM runs. */
  public static final String SOFT = "soft";

  private CpuEngines() {}

  /**
   * Makes an engine for one machine.
   *
   * @throws MachineException {@code BAD_CONFIG} for a name that there is no engine of
   */
  public static CpuEngine create(String name) {
    if (name.equals(SOFT)) {
      return new SoftCpuEngine();
    }
    throw new MachineException(
        MachineException.Code.BAD_CONFIG,
        "engine '" + name + "' does not exist: use '" + SOFT + "'");
  }
}
