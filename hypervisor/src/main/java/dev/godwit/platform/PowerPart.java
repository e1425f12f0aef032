package dev.godwit.platform;

import dev.godwit.proto.v1.PowerSection;
import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SectionGroup;
import dev.godwit.snapshot.SectionKind;

/** Power management as a section. */
final class PowerPart implements SavedPart<PowerSection> {
  static final SectionKind<PowerSection> KIND =
      SectionKind.first("power", SectionGroup.KERNEL, PowerSection.getDefaultInstance());

  private final PowerManagement power;

  PowerPart(PowerManagement power) {
    this.power = power;
  }

  @Override
  public SectionKind<PowerSection> kind() {
    return KIND;
  }

  @Override
  public String instance() {
    return "0";
  }

  @Override
  public PowerSection save() {
    PowerManagement.State state = power.save();
    return PowerSection.newBuilder()
        .setStatus(state.status())
        .setEnable(state.enable())
        .setControl(state.control())
        .setTimerOverflows(state.timerOverflows())
        .setResetControl(state.resetControl())
        .setControlPortA(state.controlPortA())
        .setSciAsserted(state.sciAsserted())
        .build();
  }

  @Override
  public void restore(PowerSection section) {
    power.restore(
        new PowerManagement.State(
            section.getStatus(),
            section.getEnable(),
            section.getControl(),
            section.getTimerOverflows(),
            section.getResetControl(),
            section.getControlPortA(),
            section.getSciAsserted()));
  }
}
