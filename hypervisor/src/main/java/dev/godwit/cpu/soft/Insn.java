package dev.godwit.cpu.soft;

/**
 * One decoded instruction, immutable, shared by every execution of its block.
 *
 * <p>{@link #execute} either completes and has changed the state as the manual says, or throws
 * {@link GuestFault} and has changed nothing that the manual does not say a fault leaves changed:
 * compute and check first, write memory next, write registers and flags last.
 *
 * <p>Within a block {@link SoftCpu#rip} is stale: the run loop sets it at the end of the block and
 * on a fault. An instruction that needs its own address uses {@link #rip} and {@link #nextRip}.
 */
abstract class Insn {
  /** Offset of the first byte in CS. */
  final long rip;

  /** Offset of the next instruction in CS, wrapped to the code size. */
  final long nextRip;

  Insn(DecodeContext d) {
    this.rip = d.rip();
    this.nextRip = d.nextRip();
  }

  /** For nodes that stand for no bytes of their own. */
  Insn(long rip, long nextRip) {
    this.rip = rip;
    this.nextRip = nextRip;
  }

  /** Executes it. */
  abstract void execute(SoftCpu c);

  /**
   * Says whether the block ends here: every instruction that sets {@code c.rip}, or after which the
   * run loop must look at interrupts, mode, paging or the interrupt shadow. Such an instruction
   * always sets {@code c.rip} itself (to {@link #nextRip} if it does not branch; to {@link #rip} if
   * it is to be executed again, as an interrupted REP).
   */
  boolean endsBlock() {
    return false;
  }
}
