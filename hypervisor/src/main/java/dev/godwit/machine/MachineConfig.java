package dev.godwit.machine;

import dev.godwit.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What a machine is, in terms that no engine owns. Travels in the stream's header, so it is checked
 * as hostile input.
 *
 * @param name 1–64 letters, digits, {@code . _ -}, not starting with a dot or dash: it becomes a
 *     file name
 * @param ramBytes a positive multiple of 4096
 * @param vcpus 1–64
 * @param cpuModel a CPU model by name
 * @param devices emulated devices in bus order
 * @param tscHz ticks a second of the guest's TSC
 */
public record MachineConfig(
    String name,
    long ramBytes,
    int vcpus,
    String cpuModel,
    List<DeviceConfig> devices,
    long tscHz) {

  /** TSC ticks are guest nanoseconds unless a machine came from somewhere else. */
  public static final long DEFAULT_TSC_HZ = 1_000_000_000L;

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._-]{0,63}");
  private static final int MAX_VCPUS = 64;
  private static final long MIN_RAM_BYTES = 1L << 20;

  /**
   * An emulated device.
   *
   * @param kind which device: "uart"
   * @param instance its name within the machine: "com1"
   * @param options its options by name
   */
  public record DeviceConfig(String kind, String instance, Map<String, String> options) {
    /** Copies the options. */
    public DeviceConfig {
      options = Map.copyOf(options);
    }
  }

  /**
   * Checks everything.
   *
   * @throws MachineException {@code BAD_CONFIG}, naming the field
   */
  public MachineConfig {
    devices = List.copyOf(devices);
    requireName(name);
    require(
        ramBytes >= MIN_RAM_BYTES && ramBytes % GuestMemory.PAGE_BYTES == 0,
        "memory of " + ramBytes + " bytes: give at least 1M, in whole 4 KiB pages");
    require(vcpus >= 1 && vcpus <= MAX_VCPUS, vcpus + " vCPUs: give 1 to " + MAX_VCPUS);
    require(
        tscHz >= 1_000_000 && tscHz <= 10_000_000_000L,
        "TSC frequency " + tscHz + " Hz is out of range");
  }

  /** Throws {@code BAD_CONFIG} unless {@code name} may name a machine. */
  public static void requireName(String name) {
    require(
        NAME.matcher(name).matches(),
        "machine name '"
            + name
            + "': use 1 to 64 letters, digits, '.', '_' and '-', starting with a letter or digit");
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new MachineException(MachineException.Code.BAD_CONFIG, message);
    }
  }

  /** Returns the same machine with another CPU model. */
  public MachineConfig withCpuModel(String newCpuModel) {
    return new MachineConfig(name, ramBytes, vcpus, newCpuModel, devices, tscHz);
  }

  /** Returns the same machine with more devices. */
  public MachineConfig withDevices(List<DeviceConfig> more) {
    List<DeviceConfig> all = new ArrayList<>(devices);
    all.addAll(more);
    return new MachineConfig(name, ramBytes, vcpus, cpuModel, all, tscHz);
  }

  /** Returns the same machine under another name. */
  public MachineConfig withName(String newName) {
    return new MachineConfig(newName, ramBytes, vcpus, cpuModel, devices, tscHz);
  }
}
