package dev.godwit.cpu.soft;

/**
 * A string instruction, alone or repeated (SDM vol. 2, REP; vol. 1, 7.3.9).
 *
 * <p>A repeated one works off a bounded number of bytes in one execution and is then executed
 * again, so that interrupts are served; whenever it stops, RCX, RSI and RDI are those of the next
 * iteration, also if that one has faulted. Within a page, subclasses do many iterations at once.
 */
abstract class StringInsn extends Insn {
  private static final int RAX = 0;
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RSI = 6;
  private static final int RDI = 7;

  /** About how many bytes one execution moves; 64 KiB take a few microseconds. */
  private static final long BUDGET_BYTES = 1 << 16;

  /** What an iteration on its own costs, in terms of bytes moved in bulk. */
  private static final long ITERATION_BYTES = 64;

  private static final long PAGE_MASK = 0xFFF;

  final int bytes;
  private final int repeat;
  private final long mask;
  private final long kept;
  private final int sourceSegment;
  private final int targetSegment;
  private final boolean limited;

  StringInsn(DecodeContext d, int bytes) {
    super(d);
    this.bytes = bytes;
    this.repeat = d.rep();
    this.mask = Alu.zeroExtend(-1, 8 * d.addressSize());
    this.kept = mask == 0xFFFF ? ~mask : 0;
    this.sourceSegment = d.segmentOr(DecodeContext.DS);
    this.targetSegment = d.fixedSegment(DecodeContext.ES);
    this.limited = !d.is64();
  }

  /** Does one iteration but for RCX: all of it, or it throws and has changed nothing. */
  abstract void step(SoftCpu c);

  /**
   * Does as many as possible of the next {@code count} iterations at once, RCX left alone.
   *
   * @return how many, 0 if the next one needs {@link #step}
   */
  long bulk(SoftCpu c, long count) {
    return 0;
  }

  /** Says whether REPE and REPNE look at ZF: SCAS and CMPS. */
  boolean comparing() {
    return false;
  }

  @Override
  final boolean endsBlock() {
    return repeat != 0;
  }

  @Override
  final void execute(SoftCpu c) {
    if (repeat == 0) {
      step(c);
    } else {
      // What comes between iterations finds RF set (SDM vol. 3B 19.3.1.1).
      if (repeat(c)) {
        c.flagsRest &= ~(long) Flags.RF;
        c.rip = nextRip;
      } else {
        c.flagsRest |= Flags.RF;
        c.rip = rip;
      }
    }
  }

  /** Works off a part of the iterations; says whether it was the last. */
  private boolean repeat(SoftCpu c) {
    long count = c.regs[RCX] & mask;
    if (count == 0) {
      return true;
    }
    long left = count;
    boolean done = false;
    // One iteration at a time while traps may come after each, or each access is to be looked at.
    boolean stepping = (c.flagsRest & Flags.TF) != 0 || c.mmu.everySlow();
    long budget = stepping ? 1 : BUDGET_BYTES;
    try {
      while (budget > 0 && !done) {
        // A count is unsigned; half of all there is takes a while, too.
        long iterations = stepping ? 0 : bulk(c, left < 0 ? Long.MAX_VALUE : left);
        if (iterations == 0) {
          step(c);
          iterations = 1;
          budget -= ITERATION_BYTES;
        }
        left -= iterations;
        budget -= iterations * bytes;
        done = left == 0 || comparing() && Flags.zf(c.flagResult) != (repeat == 0xF3);
      }
    } finally {
      if (left != count) {
        c.regs[RCX] = c.regs[RCX] & kept | left;
      }
    }
    return done;
  }

  static boolean backward(SoftCpu c) {
    return (c.flagsRest & Flags.DF) != 0;
  }

  private void advance(SoftCpu c, int reg, long count) {
    long old = c.regs[reg];
    long moved = backward(c) ? old - count * bytes : old + count * bytes;
    c.regs[reg] = old & kept | moved & mask;
  }

  final void advanceSource(SoftCpu c, long count) {
    advance(c, RSI, count);
  }

  final void advanceTarget(SoftCpu c, long count) {
    advance(c, RDI, count);
  }

  /** Returns the linear address of the element at RSI. */
  final long sourceLinear(SoftCpu c) {
    long offset = c.regs[RSI] & mask;
    return limited
        ? c.checkedLinear(sourceSegment, offset, bytes, false)
        : c.segBase[sourceSegment] + offset;
  }

  /** Returns the linear address of the element at RDI, in ES. */
  final long targetLinear(SoftCpu c, boolean write) {
    long offset = c.regs[RDI] & mask;
    return limited
        ? c.checkedLinear(targetSegment, offset, bytes, write)
        : c.segBase[targetSegment] + offset;
  }

  /** Returns how many of {@code count} elements from RSI on lie in one page and in the segment. */
  final long sourceRun(SoftCpu c, long lin, long count) {
    return run(c, lin, c.regs[RSI] & mask, sourceSegment, false, count);
  }

  /** Returns how many of {@code count} elements from RDI on lie in one page and in the segment. */
  final long targetRun(SoftCpu c, long lin, boolean write, long count) {
    return run(c, lin, c.regs[RDI] & mask, targetSegment, write, count);
  }

  private long run(SoftCpu c, long lin, long offset, int segment, boolean write, long count) {
    long inPage = lin & PAGE_MASK;
    if (inPage + bytes > PAGE_MASK + 1) {
      return 0;
    }
    boolean backward = backward(c);
    long run = Math.min(count, backward ? inPage / bytes + 1 : (PAGE_MASK + 1 - inPage) / bytes);
    if (mask != -1) {
      run = Math.min(run, backward ? offset / bytes + 1 : (mask + 1 - offset) / bytes);
    }
    if (limited
        && !allows(c, segment, backward ? offset - (run - 1) * bytes : offset, run, write)) {
      return 0;
    }
    return run;
  }

  /** Says whether a segment allows a whole run; if not, single steps find out where it ends. */
  private boolean allows(SoftCpu c, int segment, long offset, long run, boolean write) {
    try {
      c.checkedLinear(segment, offset, (int) run * bytes, write);
      return true;
    } catch (GuestFault fault) {
      return false;
    }
  }

  static long accumulator(SoftCpu c) {
    return c.regs[RAX];
  }

  final void setAccumulator(SoftCpu c, long value) {
    c.regs[RAX] =
        switch (bytes) {
          case 1 -> c.regs[RAX] & ~0xFFL | value;
          case 2 -> c.regs[RAX] & ~0xFFFFL | value;
          default -> value;
        };
  }

  /** Returns the port of INS and OUTS. */
  static int port(SoftCpu c) {
    return (int) c.regs[RDX] & 0xFFFF;
  }
}
