package dev.godwit.cpu.soft;

import java.util.List;

/**
 * A translated region: some blocks that are hot together, as one method of JVM bytecode.
 *
 * <p>Obeys the rule of blocks. It may run only while {@link #epoch} is the cache's, for then each
 * of its pages is known to translate to the bytes that were translated; and when one of its blocks
 * is killed, so is the region. If it runs at that moment — a store of its own has hit its code — it
 * ends after that instruction.
 *
 * <p>Subclasses are hidden classes made by {@link RegionWriter}. Confined to its vCPU's thread.
 */
abstract class Region {
  /** What a region is made from, and where its instructions are. */
  static final class Shape {
    final Block head;
    final List<Block> blocks;

    /** For each place that may fault: the instruction, and how many came before in its block. */
    final Insn[] insns;

    final int[] done;

    /** The TLB that is compiled in. */
    final long[] tlb;

    Shape(Block head, List<Block> blocks, Insn[] insns, int[] done, long[] tlb) {
      this.head = head;
      this.blocks = blocks;
      this.insns = insns;
      this.done = done;
      this.tlb = tlb;
    }
  }

  private static final long PAGE_MASK = -4096L;

  private final Block head;
  private final List<Block> blocks;
  private final Insn[] insns;
  private final int[] done;
  private final long[] tlb;
  private long epoch = -1;

  /** The epoch in which the pages turned out not to be mapped as they were. */
  private long refusedEpoch = -1;

  /** Whether it must not run any more. */
  boolean dead;

  Region(Shape shape) {
    this.head = shape.head;
    this.blocks = shape.blocks;
    this.insns = shape.insns;
    this.done = shape.done;
    this.tlb = shape.tlb;
  }

  /**
   * Runs from its first instruction until control leaves it, or the vCPU's attention is wanted at
   * the end of a block; throws the fault of the guest with RIP at the instruction. The state is
   * architectural either way.
   */
  abstract void run(SoftCpu c);

  /** Says whether it may run now; looks its translations up again in a new epoch. */
  @SuppressWarnings("ReferenceEquality") // it is which TLB that matters
  boolean ready(SoftCpu c) {
    if (c.tlb != tlb) {
      return false;
    }
    return epoch == c.blocks.epoch || !dead && look(c);
  }

  private boolean look(SoftCpu c) {
    long now = c.blocks.epoch;
    if (refusedEpoch == now) {
      return false;
    }
    for (Block block : blocks) {
      if (block.epoch != now && !translates(c, block)) {
        refusedEpoch = now;
        return false;
      }
    }
    if (dead) {
      return false; // a walk has set an accessed bit in a page that also holds its code
    }
    for (Block block : blocks) {
      block.epoch = now;
    }
    epoch = now;
    return true;
  }

  private static boolean translates(SoftCpu c, Block block) {
    try {
      return c.mmu.translateFetch(block.rip) == block.gpa
          && (block.secondGpa < 0
              || c.mmu.translateFetch((block.rip & PAGE_MASK) + 4096) == block.secondGpa);
    } catch (GuestFault fault) {
      return false; // it is raised if execution gets there
    }
  }

  /** Attaches it to its blocks; false if one of them is dead, or the head has a region. */
  boolean install() {
    if (head.region != null || blocks.stream().anyMatch(Block::dead)) {
      return false;
    }
    for (Block block : blocks) {
      block.attach(this);
    }
    head.region = this;
    return true;
  }

  /** Makes it never run again, and forgets it. */
  @SuppressWarnings("ReferenceEquality") // an object like any other
  void kill() {
    dead = true;
    epoch = Long.MIN_VALUE;
    for (Block block : blocks) {
      block.detach(this);
    }
    if (head.region == this) {
      head.region = null;
      head.heat = 0;
    }
  }

  // Called by the translated code.

  /** Notes where a fault was raised; {@code retired} is that of the start of its block. */
  final void faulted(SoftCpu c, int place, long retired) {
    c.rip = insns[place].rip;
    c.retired = retired + done[place];
  }

  /** Executes an instruction, which does not branch, by its node, in the end of the region. */
  final void leaveByNode(SoftCpu c, int place, long retired) {
    Insn insn = insns[place];
    insn.execute(c);
    c.rip = insn.nextRip;
    c.retired = retired + done[place] + 1;
  }
}
