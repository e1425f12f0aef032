package dev.godwit.cpu.soft;

import dev.godwit.cpu.ApicEvent;
import dev.godwit.cpu.CodeHint;
import dev.godwit.cpu.LocalApicPort;
import dev.godwit.cpu.Vcpu;
import dev.godwit.cpu.VcpuState;
import dev.godwit.cpu.VcpuState.Activity;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A vCPU of the soft engine: the run loop.
 *
 * <p>{@link #execute} goes from block to block without looking at anything but {@link
 * SoftCpu#attention}; {@link #serve} looks at everything else — exit requests, events, interrupts,
 * HLT, stepping — and decides what happens next.
 */
final class SoftVcpu implements Vcpu {
  private static final long EVERY_PAGE = -1;

  private final SoftCpu c;
  private final LocalApicPort apic;
  private volatile boolean exitRequested;
  private volatile @Nullable Thread parked;

  /** Pages whose write entries someone else wants gone. */
  private final Queue<Long> toProtect = new ConcurrentLinkedQueue<>();

  private final RecentCode recentCode = new RecentCode();

  private final AtomicLong asked = new AtomicLong();
  private volatile long done;

  /**
   * Whether guest instructions may be executing; if not, what others ask is done before they do.
   */
  private volatile boolean executing;

  SoftVcpu(SoftCpu c) {
    this.c = c;
    this.apic = c.ports.apic();
    if (c.index != 0) {
      c.activity = Activity.WAIT_FOR_SIPI;
    }
  }

  @Override
  public int index() {
    return c.index;
  }

  /** Returns the registers and what belongs to them. */
  SoftCpu cpu() {
    return c;
  }

  @Override
  public void wake() {
    c.attention = true;
    Thread thread = parked;
    if (thread != null) {
      LockSupport.unpark(thread);
    }
  }

  @Override
  public void requestExit() {
    exitRequested = true;
    wake();
  }

  @Override
  public boolean isIdle() {
    return parked != null;
  }

  /** Tells that a page that holds decoded code was written by someone else. Any thread. */
  void codeWritten(long gfn) {
    c.blocks.post(gfn);
    wake();
  }

  /**
   * Asks that a page's write entries be dropped. Any vCPU's thread.
   *
   * @return what {@link #hasProtected} is to be asked with
   */
  long askToProtect(long gfn) {
    toProtect.add(gfn);
    long ticket = asked.incrementAndGet();
    wake();
    return ticket;
  }

  /**
   * Asks that all write entries be dropped. Any thread but a vCPU's.
   *
   * @return what {@link #hasProtected} is to be asked with
   */
  long askToDropWrites() {
    return askToProtect(EVERY_PAGE);
  }

  /** Says whether no store of this vCPU can go to the page, or to any, unseen any more. */
  boolean hasProtected(long ticket) {
    return !executing || done >= ticket;
  }

  /** Does what {@link #askToProtect} asked; this vCPU's thread only. */
  void protectAsAsked() {
    // By the tickets, not by the queue: a page may be taken from it before its ticket is drawn, and
    // whoever drew it would wait for good if nothing was done then.
    long upTo = asked.get();
    if (upTo != done) {
      for (Long gfn = toProtect.poll(); gfn != null; gfn = toProtect.poll()) {
        if (gfn == EVERY_PAGE) {
          c.mmu.dropWrites();
        } else {
          c.mmu.protectCode(gfn);
        }
      }
      done = upTo;
    }
  }

  @Override
  public Exit run() {
    executing = true;
    c.attention = true;
    try {
      while (true) {
        if (c.attention) {
          Exit exit = serve();
          if (exit != null) {
            return exit;
          }
        }
        execute();
      }
    } finally {
      executing = false;
    }
  }

  /** Executes blocks until something wants attention. */
  private void execute() {
    SoftCpu cpu = c;
    BlockCache blocks = cpu.blocks;
    Translator translator = cpu.translator;
    Block block;
    try {
      block = blocks.find();
    } catch (GuestFault fault) {
      cpu.interrupts.exception(fault);
      return;
    }
    while (true) {
      if (FaultLog.BLOCKS) {
        cpu.log.block(block.rip);
      }
      if (++block.heat > translator.threshold) {
        Region region = translator.regionOf(block);
        if (region != null) {
          block = runRegion(cpu, region);
          if (block == null) {
            return;
          }
          continue;
        }
      }
      if (!runBlock(cpu, block) || cpu.attention) {
        return;
      }
      long rip = cpu.rip;
      long epoch = blocks.epoch;
      Block next = block.link0;
      if (next.rip != rip || next.epoch != epoch) {
        next = block.link1;
        if (next.rip != rip || next.epoch != epoch) {
          next = link(cpu, block);
          if (next == null) {
            return;
          }
        }
      }
      block = next;
    }
  }

  /** Executes one block; false if it did not come to its end. */
  private static boolean runBlock(SoftCpu cpu, Block block) {
    Insn[] code = block.code;
    int i = 0;
    try {
      do {
        code[i].execute(cpu);
      } while (++i < code.length);
    } catch (GuestFault fault) {
      cpu.retired += i;
      cpu.rip = code[i].rip;
      cpu.interrupts.exception(fault);
      return false;
    } catch (Block.Stopped stopped) {
      cpu.retired += i;
      cpu.rip = code[i].rip;
      return false;
    }
    cpu.retired += i;
    if (block.falls) {
      cpu.rip = block.endRip;
    }
    return true;
  }

  /** Executes a region; returns the block that follows, or null to look around. */
  private static @Nullable Block runRegion(SoftCpu cpu, Region region) {
    try {
      region.run(cpu);
      return cpu.attention ? null : cpu.blocks.find();
    } catch (GuestFault fault) {
      cpu.interrupts.exception(fault);
      return null;
    }
  }

  /** Finds the block at RIP and chains it to the one before; null after a fault. */
  private static @Nullable Block link(SoftCpu cpu, Block block) {
    Block next;
    try {
      next = cpu.blocks.find();
    } catch (GuestFault fault) {
      cpu.interrupts.exception(fault);
      return null;
    }
    if (block.link0.epoch != cpu.blocks.epoch) {
      block.link0 = next;
    } else if (block.link1.epoch != cpu.blocks.epoch) {
      block.link1 = next;
    } else if (block.indirect) {
      block.wentTo(next);
    }
    return next;
  }

  /** Looks around between two instructions; returns why {@link #run} ends, or null to go on. */
  private @Nullable Exit serve() {
    while (true) {
      c.attention = false;
      if (exitRequested) {
        exitRequested = false;
        c.attention = true;
        return Exit.REQUESTED;
      }
      protectAsAsked();
      c.blocks.dropPosted();
      c.translator.installFinished();
      recentCode.answer(c.blocks);
      if (c.activity == Activity.SHUTDOWN) {
        return Exit.SHUTDOWN;
      }
      if (!c.interruptShadow && (c.nmiBlocked ? apic.hasInitOrSipi() : apic.hasEvent())) {
        take(apic.takeEvent());
        c.attention = true;
        continue;
      }
      if (c.activity == Activity.WAIT_FOR_SIPI) {
        park();
        continue;
      }
      boolean interruptible = (c.flagsRest & Flags.IF) != 0 && !c.interruptShadow;
      if (interruptible && apic.hasInterrupt()) {
        int vector = apic.acknowledgeInterrupt();
        if (vector >= 0) {
          c.activity = Activity.RUNNING;
          c.interrupts.external(vector);
          c.attention = true;
          continue;
        }
      }
      if (c.activity == Activity.HALTED) {
        if (c.interruptShadow) {
          c.interruptShadow = false;
          c.attention = true;
        } else {
          park();
        }
        continue;
      }
      if (stepping()) {
        step();
        c.attention = true;
        continue;
      }
      c.flagsRest &= ~(long) Flags.RF; // without breakpoints its one instruction needs no care
      if (c.interruptShadow) {
        boolean waiting = apic.hasEvent() || (c.flagsRest & Flags.IF) != 0 && apic.hasInterrupt();
        c.interruptShadow = false;
        if (waiting) {
          // What waits comes after exactly one more instruction.
          stepOnce();
          c.attention = true;
          continue;
        }
      }
      return null;
    }
  }

  private void park() {
    executing = false;
    parked = Thread.currentThread();
    if (!c.attention) {
      LockSupport.park(this);
    }
    parked = null;
    executing = true;
    c.attention = true;
  }

  private void take(ApicEvent event) {
    switch (event) {
      case ApicEvent.None ignored -> {}
      case ApicEvent.Nmi ignored -> {
        if (c.activity != Activity.WAIT_FOR_SIPI) {
          c.activity = Activity.RUNNING;
          c.nmiBlocked = true;
          c.interrupts.external(GuestFault.NMI);
        }
      }
      case ApicEvent.Init ignored -> {
        c.reset();
        if (c.index != 0) {
          c.activity = Activity.WAIT_FOR_SIPI;
        }
      }
      case ApicEvent.Sipi sipi -> {
        if (c.activity == Activity.WAIT_FOR_SIPI) {
          c.activity = Activity.RUNNING;
          c.segments.set(
              DecodeContext.CS, sipi.vector() << 8, (long) sipi.vector() << 12, 0xFFFF, 0x9B);
          c.rip = 0;
        }
      }
    }
  }

  // Stepping: TF or breakpoints.

  private boolean stepping() {
    return (c.flagsRest & Flags.TF) != 0 || Breakpoints.any(c.dr[7]);
  }

  /** Executes one instruction with all that the debug registers and TF ask for around it. */
  private void step() {
    if ((c.flagsRest & Flags.RF) == 0) {
      long hit = Breakpoints.execution(c, c.codeBase() + c.rip);
      if (hit != 0) {
        c.interrupts.debugFault(hit);
        return;
      }
    }
    boolean trap = (c.flagsRest & Flags.TF) != 0;
    c.flagsRest &= ~(long) Flags.RF;
    c.interruptShadow = false;
    c.debugShadow = false;
    c.trapSuppressed = false;
    c.pendingDr6 = 0;
    if (!stepOnce() || c.debugShadow) {
      return;
    }
    long dr6 = c.pendingDr6 | (trap && !c.trapSuppressed ? Breakpoints.BS : 0);
    if (dr6 != 0) {
      c.interrupts.debugTrap(dr6);
    }
  }

  /** Executes one instruction; false if it faulted. */
  boolean stepOnce() {
    Block block;
    try {
      block = c.blocks.findSingle();
    } catch (GuestFault fault) {
      c.interrupts.exception(fault);
      return false;
    }
    return runBlock(c, block);
  }

  @Override
  public void askForRecentCode(int most, Consumer<List<CodeHint>> answer) {
    recentCode.ask(most, answer);
    wake();
  }

  @Override
  public void decodeAhead(long gfn, byte[] page, List<CodeHint> hints) {
    c.blocks.ahead().decode(gfn, page, hints);
  }

  @Override
  public VcpuState save() {
    return StateCopy.save(c);
  }

  @Override
  public void restore(VcpuState state) {
    StateCopy.restore(c, state);
  }

  @Override
  public void close() {
    c.blocks.clear();
  }
}
