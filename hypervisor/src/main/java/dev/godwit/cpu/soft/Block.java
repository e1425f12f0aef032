package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/**
 * A run of decoded instructions with one entry: what the run loop executes between two looks
 * around.
 *
 * <p>Belongs to one vCPU. It may run only while {@link #epoch} equals the cache's: then its linear
 * address is known to map to its bytes with the right to execute them.
 */
final class Block {
  /** The most instructions a block has. */
  static final int MAX_INSNS = 64;

  /** Stands for "no block": its epoch is never current. */
  static final Block NONE = new Block(0, 0, 0, -1, 0, new Insn[0], false);

  final long rip;

  /** {@link SoftCpu#mode}, and a bit for blocks of one instruction. */
  final int mode;

  final long gpa;

  /** First byte of the second page for an instruction that crosses into it, else -1. */
  final long secondGpa;

  final int bytes;

  /**
   * The instructions; replaced in place by {@link Stop}s when the bytes change under a running
   * block.
   */
  final Insn[] code;

  /** Whether the last instruction leaves RIP to the run loop. */
  final boolean falls;

  final long endRip;

  long epoch = -1;

  // Blocks that followed this one; valid if RIP and epoch fit.
  Block link0;
  Block link1;

  /** Next in its page's hash chain. */
  @Nullable Block nextInPage;

  @SuppressWarnings("NullAway") // NONE links to itself
  Block(long rip, int mode, long gpa, long secondGpa, int bytes, Insn[] code, boolean falls) {
    this.rip = rip;
    this.mode = mode;
    this.gpa = gpa;
    this.secondGpa = secondGpa;
    this.bytes = bytes;
    this.code = code;
    this.falls = falls;
    this.endRip = code.length == 0 ? rip : code[code.length - 1].nextRip;
    this.link0 = NONE;
    this.link1 = NONE;
  }

  /** Makes it never run again; if it is running, it ends after the current instruction. */
  void kill() {
    epoch = Long.MIN_VALUE;
    for (int i = 0; i < code.length; i++) {
      code[i] = new Stop(code[i]);
    }
  }

  /** Says whether {@link #kill} was called. */
  boolean dead() {
    return epoch == Long.MIN_VALUE;
  }

  /** Ends a block whose bytes have changed, before the instruction that it replaces. */
  private static final class Stop extends Insn {
    Stop(Insn replaced) {
      super(replaced.rip, replaced.nextRip);
    }

    @Override
    void execute(SoftCpu c) {
      throw new Stopped();
    }
  }

  /** Thrown by a block that was killed while it ran. */
  static final class Stopped extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private Stopped() {
      super(null, null, false, false);
    }
  }
}
