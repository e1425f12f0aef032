package dev.godwit.machine;

import dev.godwit.cpu.Vcpu;
import dev.godwit.cpu.VcpuState;
import dev.godwit.memory.GuestMemory;

/** A vCPU that counts in one word of guest RAM as fast as it can. */
final class CountingVcpu implements Vcpu {
  private final int index;
  private final GuestMemory memory;
  private volatile boolean exitRequested;
  volatile boolean deaf;
  volatile boolean tripleFault;
  volatile boolean idle;

  CountingVcpu(int index, GuestMemory memory) {
    this.index = index;
    this.memory = memory;
  }

  long count() {
    return memory.read64(gpa());
  }

  private long gpa() {
    return index * 4096L;
  }

  @Override
  public int index() {
    return index;
  }

  @Override
  public boolean isIdle() {
    return idle;
  }

  @Override
  public Exit run() {
    while (!exitRequested || deaf) {
      memory.write64(gpa(), memory.read64(gpa()) + 1);
      if (tripleFault) {
        return Exit.SHUTDOWN;
      }
    }
    exitRequested = false;
    return Exit.REQUESTED;
  }

  @Override
  public void wake() {}

  @Override
  public void requestExit() {
    exitRequested = true;
  }

  @Override
  public VcpuState save() {
    throw new UnsupportedOperationException("its state is in RAM");
  }

  @Override
  public void restore(VcpuState state) {
    throw new UnsupportedOperationException("its state is in RAM");
  }

  @Override
  public void close() {}
}
