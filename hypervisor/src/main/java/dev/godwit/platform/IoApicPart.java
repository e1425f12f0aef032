package dev.godwit.platform;

import dev.godwit.proto.v1.IoapicSection;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;

/** The I/O APIC as a section. */
final class IoApicPart implements SavedPart<IoapicSection> {
  static final SectionKind<IoapicSection> KIND =
      SectionKind.first("ioapic", SectionGroup.KERNEL, IoapicSection.getDefaultInstance());

  private final IoApic ioApic;

  IoApicPart(IoApic ioApic) {
    this.ioApic = ioApic;
  }

  @Override
  public SectionKind<IoapicSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return "0";
  }

  @Override
  public IoapicSection save() {
    IoApic.State state = ioApic.save();
    return IoapicSection.newBuilder()
        .setId(state.id())
        .setSelectedRegister(state.selectedRegister())
        .addAllRedirection(state.redirection())
        .setAssertedPins(state.assertedPins())
        .build();
  }

  @Override
  public void restore(IoapicSection section) {
    ioApic.restore(
        new IoApic.State(
            section.getId(),
            section.getSelectedRegister(),
            section.getRedirectionList(),
            section.getAssertedPins()));
  }
}
