package dev.godwit.cpu;

import java.util.List;
import java.util.function.Consumer;

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

  /**
   * Says whether the guest leaves this vCPU nothing to do until an interrupt comes. Any thread; it
   * may be over when this returns. False where an engine cannot tell.
   */
  default boolean isIdle() {
    return false;
  }

  /** Returns the whole architectural state. Only while {@link #run} is not executing. */
  VcpuState save();

  /** Replaces the whole architectural state. Only while {@link #run} is not executing. */
  void restore(VcpuState state);

  /**
   * Asks which code was executed since the last time this was asked; at first, since the beginning.
   * Any thread; never blocks. An engine that decodes nothing, or a vCPU that does not run, may
   * leave it unanswered.
   *
   * @param most how many places are of interest: if there are more, those that were executed most
   *     often
   * @param answer called once, on the vCPU's thread, which it must not keep
   */
  default void askForRecentCode(int most, Consumer<List<CodeHint>> answer) {}

  /**
   * Decodes code before it is executed, where an engine does such things. Any one thread, not after
   * {@link #run} was called. Whatever is said here, the guest executes what is in its RAM: if the
   * page is another by then, this was in vain.
   *
   * @param gfn a page of RAM
   * @param page a copy of it, which is kept
   * @param hints where in it; those of other pages are ignored
   */
  default void decodeAhead(long gfn, byte[] page, List<CodeHint> hints) {}

  @Override
  void close();
}
