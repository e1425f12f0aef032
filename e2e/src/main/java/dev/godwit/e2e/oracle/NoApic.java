package dev.godwit.e2e.oracle;

import dev.godwit.cpu.ApicEvent;
import dev.godwit.cpu.LocalApicPort;

/** A local APIC for machines that have none: nothing ever happens at it. Any thread. */
public final class NoApic implements LocalApicPort {
  @Override
  public boolean hasInterrupt() {
    return false;
  }

  @Override
  public int acknowledgeInterrupt() {
    return -1;
  }

  @Override
  public ApicEvent takeEvent() {
    return new ApicEvent.None();
  }

  @Override
  public boolean hasEvent() {
    return false;
  }

  @Override
  public boolean hasInitOrSipi() {
    return false;
  }

  @Override
  public int readRegister(int offset) {
    return 0;
  }

  @Override
  public void writeRegister(int offset, int value) {}

  @Override
  public long apicBase() {
    return 0xFEE0_0900L;
  }

  @Override
  public boolean setApicBase(long value) {
    return true;
  }

  @Override
  public long tscDeadline() {
    return 0;
  }

  @Override
  public void setTscDeadline(long deadlineTicks) {}

  @Override
  public int cr8() {
    return 0;
  }

  @Override
  public void setCr8(int value) {}
}
