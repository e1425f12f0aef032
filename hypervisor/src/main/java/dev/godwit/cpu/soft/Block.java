package dev.godwit.cpu.soft;

import java.util.ArrayList;
import java.util.List;
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

  private static final int MOST_OTHERS = 30;

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

  /** Whether it ends with a branch to where a register or memory says. */
  final boolean indirect;

  long epoch = -1;

  // Blocks that followed this one; valid if RIP and epoch fit.
  Block link0;
  Block link1;

  /** Next in its page's hash chain. */
  @Nullable Block nextInPage;

  /** How often it was interpreted since it was last looked at by {@link Translator}. */
  int heat;

  /** What {@link #heat} was when {@link RecentCode} last looked. */
  private int heatSeen;

  /** The translated region that starts here. */
  @Nullable Region region;

  /** Every translated region that it is part of. */
  private List<Region> regions = List.of();

  /** Where else an indirect branch at its end has gone, besides the two links. */
  private List<Block> others = List.of();

  @SuppressWarnings("NullAway") // NONE links to itself
  Block(long rip, int mode, long gpa, long secondGpa, int bytes, Insn[] code, boolean falls) {
    this.rip = rip;
    this.mode = mode;
    this.gpa = gpa;
    this.secondGpa = secondGpa;
    this.bytes = bytes;
    this.code = code;
    this.falls = falls;
    Insn last = code.length == 0 ? null : code[code.length - 1];
    this.endRip = last == null ? rip : last.nextRip;
    this.indirect = last instanceof BranchNodes.Indirect;
    this.link0 = NONE;
    this.link1 = NONE;
  }

  /** Notes where an indirect branch at its end has gone. */
  void wentTo(Block next) {
    if (others.isEmpty()) {
      others = new ArrayList<>(4);
    }
    if (others.size() < MOST_OTHERS && !others.contains(next)) {
      others.add(next);
    }
  }

  /** Returns what has followed it, most of it. */
  List<Block> followers() {
    List<Block> found = new ArrayList<>(others.size() + 2);
    found.add(link0);
    found.add(link1);
    found.addAll(others);
    return found;
  }

  /**
   * Returns how often it was interpreted since this was last asked, roughly; 1 if it is translated.
   */
  int takeRuns() {
    int runs = heat - heatSeen;
    heatSeen = heat;
    // Translation sets the heat back, of blocks that are hot.
    return runs < 0 ? Integer.MAX_VALUE : runs == 0 && !regions.isEmpty() ? 1 : runs;
  }

  /** Makes it part of a region. */
  void attach(Region part) {
    if (regions.isEmpty()) {
      regions = new ArrayList<>(2);
    }
    regions.add(part);
  }

  /** Undoes {@link #attach}. */
  void detach(Region part) {
    regions.remove(part);
  }

  /** Makes it never run again; if it is running, it ends after the current instruction. */
  void kill() {
    epoch = Long.MIN_VALUE;
    for (Region part : List.copyOf(regions)) {
      part.kill();
    }
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
