package dev.godwit.platform;

import dev.godwit.proto.v1.PicChipState;
import dev.godwit.proto.v1.PicSection;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;

/** The pair of PICs as a section. */
final class PicPart implements SavedPart<PicSection> {
  static final SectionKind<PicSection> KIND =
      SectionKind.first("pic", SectionGroup.KERNEL, PicSection.getDefaultInstance());

  private final Pic pic;

  PicPart(Pic pic) {
    this.pic = pic;
  }

  @Override
  public SectionKind<PicSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return "0";
  }

  @Override
  public PicSection save() {
    Pic.State state = pic.save();
    return PicSection.newBuilder()
        .setMaster(toProto(state.master()))
        .setSlave(toProto(state.slave()))
        .build();
  }

  @Override
  public void restore(PicSection section) {
    pic.restore(new Pic.State(fromProto(section.getMaster()), fromProto(section.getSlave())));
  }

  private static PicChipState toProto(PicChip.State state) {
    return PicChipState.newBuilder()
        .setAssertedLines(state.lines())
        .setIrr(state.irr())
        .setIsr(state.isr())
        .setImr(state.imr())
        .setElcr(state.elcr())
        .setVectorBase(state.vectorBase())
        .setHighestPriority(state.highestPriority())
        .setExpectedIcw(state.expectedIcw())
        .setIcw4Needed(state.icw4Needed())
        .setReadsIsr(state.readsIsr())
        .setPoll(state.poll())
        .setSpecialMask(state.specialMask())
        .setSpecialFullyNested(state.specialFullyNested())
        .setAutoEoi(state.autoEoi())
        .setRotateOnAutoEoi(state.rotateOnAutoEoi())
        .build();
  }

  private static PicChip.State fromProto(PicChipState state) {
    return new PicChip.State(
        state.getAssertedLines(),
        state.getIrr(),
        state.getIsr(),
        state.getImr(),
        state.getElcr(),
        state.getVectorBase(),
        state.getHighestPriority(),
        state.getExpectedIcw(),
        state.getIcw4Needed(),
        state.getReadsIsr(),
        state.getPoll(),
        state.getSpecialMask(),
        state.getSpecialFullyNested(),
        state.getAutoEoi(),
        state.getRotateOnAutoEoi());
  }
}
