package dev.godwit.platform;

import dev.godwit.clock.GuestClock;
import dev.godwit.proto.v1.ClockSection;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;

/**
 * Guest time as a section. Restored before anything that arms a timer, and only while the clock is
 * frozen.
 */
final class ClockPart implements SavedPart<ClockSection> {
  static final SectionKind<ClockSection> KIND =
      SectionKind.first("clock", SectionGroup.KERNEL, ClockSection.getDefaultInstance());

  private final GuestClock clock;

  ClockPart(GuestClock clock) {
    this.clock = clock;
  }

  @Override
  public SectionKind<ClockSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return "0";
  }

  @Override
  public ClockSection save() {
    return ClockSection.newBuilder()
        .setGuestNanos(clock.nowNanos())
        .setTscHz(clock.tscHz())
        .build();
  }

  @Override
  public void restore(ClockSection section) {
    StateChecks.requireNanos(section.getGuestNanos(), "clock", "guest_nanos");
    StateChecks.require(section.getTscHz() == clock.tscHz(), "clock", "tsc_hz", section.getTscHz());
    clock.restore(section.getGuestNanos());
  }
}
