package dev.godwit.platform;

import com.google.protobuf.ByteString;
import dev.godwit.proto.v1.RtcSection;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;

/** The real-time clock as a section. */
final class RtcPart implements SavedPart<RtcSection> {
  static final SectionKind<RtcSection> KIND =
      SectionKind.first("rtc", SectionGroup.KERNEL, RtcSection.getDefaultInstance());

  private final Rtc rtc;

  RtcPart(Rtc rtc) {
    this.rtc = rtc;
  }

  @Override
  public SectionKind<RtcSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return "0";
  }

  @Override
  public RtcSection save() {
    Rtc.State state = rtc.save();
    return RtcSection.newBuilder()
        .setIndex(state.index())
        .setMemory(ByteString.copyFrom(state.memory()))
        .setWallSeconds(state.wallSeconds())
        .setWallSubsecondNanos(state.wallSubsecondNanos())
        .setFlags(state.flags())
        .setSeenNanos(state.seenNanos())
        .setLineAsserted(state.lineAsserted())
        .build();
  }

  @Override
  public void restore(RtcSection section) {
    rtc.restore(
        new Rtc.State(
            section.getIndex(),
            section.getMemory().toByteArray(),
            section.getWallSeconds(),
            section.getWallSubsecondNanos(),
            section.getFlags(),
            section.getSeenNanos(),
            section.getLineAsserted()));
  }
}
