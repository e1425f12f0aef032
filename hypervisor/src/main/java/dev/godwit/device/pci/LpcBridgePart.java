package dev.godwit.device.pci;

import dev.godwit.device.StateCheck;
import dev.godwit.proto.v1.PciLpcSection;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;

/** The LPC bridge's saved state: its configuration space. */
final class LpcBridgePart implements SavedPart<PciLpcSection> {
  static final SectionKind<PciLpcSection> KIND =
      SectionKind.first(LpcBridge.KIND, SectionGroup.DEVICES, PciLpcSection.getDefaultInstance());

  private final LpcBridge bridge;

  LpcBridgePart(LpcBridge bridge) {
    this.bridge = bridge;
  }

  @Override
  public SectionKind<PciLpcSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return bridge.instance();
  }

  @Override
  public PciLpcSection save() {
    return PciLpcSection.newBuilder().setConfig(PciCodec.config(bridge)).build();
  }

  @Override
  public void restore(PciLpcSection state) {
    bridge.restoreConfig(PciCodec.config(new StateCheck(this), bridge, state.getConfig()));
  }
}
