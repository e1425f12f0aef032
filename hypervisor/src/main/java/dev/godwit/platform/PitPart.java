package dev.godwit.platform;

import dev.godwit.proto.v1.PitChannelState;
import dev.godwit.proto.v1.PitSection;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;
import java.util.List;

/** The interval timer as a section. */
final class PitPart implements SavedPart<PitSection> {
  static final SectionKind<PitSection> KIND =
      SectionKind.first("pit", SectionGroup.KERNEL, PitSection.getDefaultInstance());

  private final Pit pit;

  PitPart(Pit pit) {
    this.pit = pit;
  }

  @Override
  public SectionKind<PitSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return "0";
  }

  @Override
  public PitSection save() {
    Pit.State state = pit.save();
    PitSection.Builder section =
        PitSection.newBuilder().setSpeaker(state.speaker()).setLineAsserted(state.lineAsserted());
    for (PitChannel.State channel : state.channels()) {
      section.addChannels(toProto(channel));
    }
    if (state.nextEdgeNanos() != PitChannel.NEVER) {
      section.setNextEdgeNanos(state.nextEdgeNanos());
    }
    return section.build();
  }

  @Override
  public void restore(PitSection section) {
    List<PitChannel.State> channels =
        section.getChannelsList().stream().map(PitPart::fromProto).toList();
    long nextEdgeNanos = section.hasNextEdgeNanos() ? section.getNextEdgeNanos() : PitChannel.NEVER;
    pit.restore(
        new Pit.State(channels, section.getSpeaker(), nextEdgeNanos, section.getLineAsserted()));
  }

  private static PitChannelState toProto(PitChannel.State state) {
    PitChannelState.Builder message =
        PitChannelState.newBuilder()
            .setMode(state.mode())
            .setBcd(state.bcd())
            .setAccess(state.access())
            .setCount(state.count())
            .setGate(state.gate())
            .setCounting(state.counting())
            .setStartNanos(state.startNanos())
            .setHeldTicks(state.heldTicks())
            .setReadHighNext(state.readHighNext());
    if (state.writtenLowByte() >= 0) {
      message.setWrittenLowByte(state.writtenLowByte());
    }
    if (state.latchedCount() >= 0) {
      message.setLatchedCount(state.latchedCount());
    }
    if (state.latchedStatus() >= 0) {
      message.setLatchedStatus(state.latchedStatus());
    }
    return message.build();
  }

  private static PitChannel.State fromProto(PitChannelState state) {
    return new PitChannel.State(
        state.getMode(),
        state.getBcd(),
        state.getAccess(),
        state.getCount(),
        state.getGate(),
        state.getCounting(),
        state.getStartNanos(),
        state.getHeldTicks(),
        state.hasWrittenLowByte() ? state.getWrittenLowByte() : -1,
        state.getReadHighNext(),
        state.hasLatchedCount() ? state.getLatchedCount() : -1,
        state.hasLatchedStatus() ? state.getLatchedStatus() : -1);
  }
}
