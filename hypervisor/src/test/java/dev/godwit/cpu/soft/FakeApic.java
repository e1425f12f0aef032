package dev.godwit.cpu.soft;

import dev.godwit.cpu.ApicEvent;
import dev.godwit.cpu.LocalApicPort;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** A local APIC that delivers what a test puts into it, and remembers the registers written. */
final class FakeApic implements LocalApicPort {
  final Queue<Integer> interrupts = new ConcurrentLinkedQueue<>();
  final Queue<ApicEvent> events = new ConcurrentLinkedQueue<>();
  final int[] registers = new int[1024];
  private volatile long base = 0xFEE0_0900L;
  private long deadline;
  private int cr8;

  @Override
  public boolean hasInterrupt() {
    return !interrupts.isEmpty();
  }

  @Override
  public int acknowledgeInterrupt() {
    Integer vector = interrupts.poll();
    return vector == null ? -1 : vector;
  }

  @Override
  public ApicEvent takeEvent() {
    ApicEvent event = events.poll();
    return event == null ? new ApicEvent.None() : event;
  }

  @Override
  public boolean hasEvent() {
    return !events.isEmpty();
  }

  @Override
  public boolean hasInitOrSipi() {
    ApicEvent next = events.peek();
    return next instanceof ApicEvent.Init || next instanceof ApicEvent.Sipi;
  }

  @Override
  public int readRegister(int offset) {
    return registers[offset >> 2];
  }

  @Override
  public void writeRegister(int offset, int value) {
    registers[offset >> 2] = value;
  }

  @Override
  public long apicBase() {
    return base;
  }

  @Override
  public boolean setApicBase(long value) {
    base = value;
    return true;
  }

  @Override
  public long tscDeadline() {
    return deadline;
  }

  @Override
  public void setTscDeadline(long deadlineTicks) {
    deadline = deadlineTicks;
  }

  @Override
  public int cr8() {
    return cr8;
  }

  @Override
  public void setCr8(int value) {
    cr8 = value;
  }
}
