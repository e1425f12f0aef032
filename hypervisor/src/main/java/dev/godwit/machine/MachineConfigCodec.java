package dev.godwit.machine;

import dev.godwit.machine.MachineConfig.DeviceConfig;
import java.util.ArrayList;
import java.util.List;

/** {@link MachineConfig} to and from its message. */
public final class MachineConfigCodec {
  private MachineConfigCodec() {}

  /** Returns the message. */
  public static dev.godwit.proto.v1.MachineConfig toProto(MachineConfig config) {
    var message =
        dev.godwit.proto.v1.MachineConfig.newBuilder()
            .setName(config.name())
            .setRamBytes(config.ramBytes())
            .setVcpus(config.vcpus())
            .setCpuModel(config.cpuModel())
            .setTscHz(config.tscHz());
    for (DeviceConfig device : config.devices()) {
      message.addDevices(
          dev.godwit.proto.v1.DeviceConfig.newBuilder()
              .setKind(device.kind())
              .setInstance(device.instance())
              .putAllOptions(device.options()));
    }
    return message.build();
  }

  /**
   * Reads and checks a message.
   *
   * @throws MachineException {@code BAD_CONFIG}
   */
  public static MachineConfig fromProto(dev.godwit.proto.v1.MachineConfig message) {
    List<DeviceConfig> devices = new ArrayList<>();
    for (dev.godwit.proto.v1.DeviceConfig device : message.getDevicesList()) {
      devices.add(new DeviceConfig(device.getKind(), device.getInstance(), device.getOptionsMap()));
    }
    return new MachineConfig(
        message.getName(),
        message.getRamBytes(),
        message.getVcpus(),
        message.getCpuModel(),
        devices,
        message.getTscHz());
  }
}
