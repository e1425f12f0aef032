package dev.godwit.device.pci;

import dev.godwit.device.StateCheck;
import dev.godwit.proto.v1.PciHostBridgeSection;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;

/** The host bridge's saved state. */
final class HostBridgePart implements SavedPart<PciHostBridgeSection> {
  static final SectionKind<PciHostBridgeSection> KIND =
      SectionKind.first(
          HostBridge.KIND, SectionGroup.DEVICES, PciHostBridgeSection.getDefaultInstance());

  private final HostBridge bridge;

  HostBridgePart(HostBridge bridge) {
    this.bridge = bridge;
  }

  @Override
  public SectionKind<PciHostBridgeSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return bridge.instance();
  }

  @Override
  public PciHostBridgeSection save() {
    return PciHostBridgeSection.newBuilder()
        .setConfig(PciCodec.config(bridge))
        .setConfigAddress(bridge.configAddress())
        .build();
  }

  @Override
  public void restore(PciHostBridgeSection state) {
    StateCheck check = new StateCheck(this);
    byte[] registers = PciCodec.config(check, bridge, state.getConfig());
    int address = check.bits("config_address", state.getConfigAddress(), HostBridge.ADDRESS_BITS);
    bridge.restoreConfig(registers);
    bridge.setConfigAddress(address);
  }
}
