package dev.godwit.platform;

import dev.godwit.proto.v1.HpetSection;
import dev.godwit.proto.v1.HpetTimerState;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;
import java.util.List;

/** The HPET as a section. */
final class HpetPart implements SavedPart<HpetSection> {
  static final SectionKind<HpetSection> KIND =
      SectionKind.first("hpet", SectionGroup.KERNEL, HpetSection.getDefaultInstance());

  private final Hpet hpet;

  HpetPart(Hpet hpet) {
    this.hpet = hpet;
  }

  @Override
  public SectionKind<HpetSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return "0";
  }

  @Override
  public HpetSection save() {
    Hpet.State state = hpet.save();
    return HpetSection.newBuilder()
        .setConfiguration(state.configuration())
        .setStatus(state.status())
        .setCounter(state.counter())
        .setStartNanos(state.startNanos())
        .addAllTimers(state.timers().stream().map(HpetPart::toProto).toList())
        .build();
  }

  @Override
  public void restore(HpetSection section) {
    List<HpetTimer.State> timers =
        section.getTimersList().stream().map(HpetPart::fromProto).toList();
    hpet.restore(
        new Hpet.State(
            section.getConfiguration(),
            section.getStatus(),
            section.getCounter(),
            section.getStartNanos(),
            timers));
  }

  private static HpetTimerState toProto(HpetTimer.State state) {
    HpetTimerState.Builder message =
        HpetTimerState.newBuilder()
            .setConfiguration(state.configuration())
            .setComparator(state.comparator())
            .setPeriod(state.period())
            .setFsbRoute(state.fsbRoute());
    if (state.nextMatchNanos() != HpetTimer.NEVER) {
      message.setNextMatchNanos(state.nextMatchNanos());
    }
    return message.build();
  }

  private static HpetTimer.State fromProto(HpetTimerState message) {
    return new HpetTimer.State(
        message.getConfiguration(),
        message.getComparator(),
        message.getPeriod(),
        message.getFsbRoute(),
        message.hasNextMatchNanos() ? message.getNextMatchNanos() : HpetTimer.NEVER);
  }
}
