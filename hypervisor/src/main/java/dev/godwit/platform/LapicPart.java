package dev.godwit.platform;

import dev.godwit.clock.GuestClock;
import dev.godwit.proto.v1.LapicSection;
import dev.godwit.proto.v1.LapicTimerState;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;

/** A local APIC as a section; the instance is the vCPU's index. */
final class LapicPart implements SavedPart<LapicSection> {
  static final SectionKind<LapicSection> KIND =
      SectionKind.first("lapic", SectionGroup.KERNEL, LapicSection.getDefaultInstance());

  private final LocalApic apic;
  private final int index;
  private final GuestClock clock;

  LapicPart(LocalApic apic, int index, GuestClock clock) {
    this.apic = apic;
    this.index = index;
    this.clock = clock;
  }

  @Override
  public SectionKind<LapicSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return Integer.toString(index);
  }

  @Override
  public LapicSection save() {
    LapicState state = apic.save();
    LapicTimer.State timer = state.timer();
    return LapicSection.newBuilder()
        .setApicId(state.id())
        .setApicBase(state.apicBase())
        .setTpr(state.tpr())
        .setLdr(state.ldr())
        .setDfr(state.dfr())
        .setSvr(state.svr())
        .setEsr(state.esr())
        .setEsrAccumulated(state.esrAccumulated())
        .setIcr(state.icr())
        .addAllIsr(state.isr())
        .addAllTmr(state.tmr())
        .addAllIrr(state.irr())
        .addAllLvt(state.lvt())
        .setTimer(
            LapicTimerState.newBuilder()
                .setInitialCount((int) timer.initialCount())
                .setDivideConfiguration(timer.divideConfiguration())
                .setCounting(timer.counting())
                .setStartNanos(timer.startNanos())
                .setNextExpiryNanos(timer.nextExpiryNanos())
                .setTscDeadline(timer.tscDeadline()))
        .setLint0Asserted(state.lint0())
        .setNmiPending(state.nmi())
        .setInitPending(state.init())
        .setSipiPending(state.sipiVector() >= 0)
        .setSipiVector(Math.max(0, state.sipiVector()))
        .build();
  }

  @Override
  public void restore(LapicSection section) {
    LapicTimerState timer = section.getTimer();
    apic.restore(
        new LapicState(
            section.getApicId(),
            section.getApicBase(),
            section.getTpr(),
            section.getLdr(),
            section.getDfr(),
            section.getSvr(),
            section.getEsr(),
            section.getEsrAccumulated(),
            section.getIcr(),
            section.getIsrList(),
            section.getTmrList(),
            section.getIrrList(),
            section.getLvtList(),
            new LapicTimer.State(
                Integer.toUnsignedLong(timer.getInitialCount()),
                timer.getDivideConfiguration(),
                timer.getCounting(),
                timer.getStartNanos(),
                timer.getNextExpiryNanos(),
                timer.getTscDeadline()),
            section.getLint0Asserted(),
            section.getNmiPending(),
            section.getInitPending(),
            section.getSipiPending() ? section.getSipiVector() : -1),
        clock.nowNanos());
  }
}
