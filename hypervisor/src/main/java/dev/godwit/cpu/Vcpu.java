package dev.godwit.cpu;

/**
 * One virtual CPU. {@link #run}, {@link #save} and {@link #restore} belong to one thread at a time.
 */
public interface Vcpu extends AutoCloseable {
  /** Why {@link #run} returned. */
  enum Exit {
    /** {@link #requestExit} was called; the vCPU stands at an instruction boundary. */
    REQUESTED,
    /** Triple fault: the machine is to be reset. */
    SHUTDOWN
  }

  /** Returns its 0-based index. */
  int index();

  /**
   * Executes guest code until an exit is asked for. A halted vCPU waits inside.
   *
   * @throws CpuException when the guest needs what this engine does not have: our bug or limit,
   *     never the guest's fault
   */
  Exit run();

  /**
   * Makes the vCPU look at its APIC again, leaving HLT if something is there. Any thread; never
   * blocks.
   */
  void wake();

  /**
   * Makes {@link #run} return soon, at an instruction boundary; if it is not running, its next call
   * returns at once.
   */
  void requestExit();

  /** Returns the whole architectural state. Only while {@link #run} is not executing. */
  VcpuState save();

  /** Replaces the whole architectural state. Only while {@link #run} is not executing. */
  void restore(VcpuState state);

  @Override
  void close();
}
