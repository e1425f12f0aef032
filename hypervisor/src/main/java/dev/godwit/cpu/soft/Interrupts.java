package dev.godwit.cpu.soft;

import dev.godwit.cpu.VcpuState.Activity;

/**
 * Delivery of interrupts and exceptions (SDM vol. 3A ch. 6): real mode, protected mode with 16- and
 * 32-bit gates, task gates, virtual-8086 mode, 64-bit mode with IST.
 *
 * <p>Everything is checked and the frame written before a register changes, so that a fault during
 * delivery finds the state as it was.
 */
final class Interrupts {
  /** What is delivered; decides privilege checks and the EXT bit. */
  enum Kind {
    /** From outside, or NMI. */
    EXTERNAL,
    /** An exception, or INT1. */
    EXCEPTION,
    /** INT n, INT3, INTO: the gate's DPL is checked and EXT is zero. */
    SOFTWARE
  }

  private static final int TASK_GATE = 5;

  private final SoftCpu c;
  private final Frame frame;
  private final TaskSwitch tasks;

  Interrupts(SoftCpu c) {
    this.c = c;
    this.frame = new Frame(c);
    this.tasks = new TaskSwitch(c);
  }

  /**
   * Delivers a fault; RIP points at the faulting instruction. A fault of the delivery escalates, up
   * to a triple fault.
   */
  void exception(GuestFault first) {
    GuestFault fault = first;
    c.log.exception(fault);
    while (true) {
      if (fault.vector == GuestFault.PF) {
        c.cr2 = fault.address;
      }
      try {
        // Faults set RF in the saved RFLAGS, so that an instruction breakpoint does not hit again.
        long saved = c.rflags() | (fault.vector == GuestFault.DF ? 0 : Flags.RF);
        deliver(fault.vector, Kind.EXCEPTION, fault.hasErrorCode(), fault.errorCode, c.rip, saved);
        return;
      } catch (GuestFault second) {
        if (fault.vector == GuestFault.DF) {
          c.log.tripleFault(first, second);
          c.activity = Activity.SHUTDOWN;
          c.attention = true;
          return;
        }
        fault = combine(fault, second);
        c.log.exception(fault);
      }
    }
  }

  /** Delivers a debug trap: RIP points after the instruction, DR6 says why. */
  void debugTrap(long dr6Bits) {
    c.dr[6] |= dr6Bits;
    deliverOrEscalate(GuestFault.DB, Kind.EXCEPTION);
  }

  /** Delivers a debug fault on an instruction breakpoint: RIP points at it. */
  void debugFault(long dr6Bits) {
    c.dr[6] |= dr6Bits;
    exception(GuestFault.of(GuestFault.DB));
  }

  /** Delivers a maskable interrupt or an NMI between two instructions. */
  void external(int vector) {
    deliverOrEscalate(vector, Kind.EXTERNAL);
  }

  private void deliverOrEscalate(int vector, Kind kind) {
    try {
      deliver(vector, kind, false, 0, c.rip, c.rflags());
    } catch (GuestFault fault) {
      exception(fault);
    }
  }

  /**
   * INT n, INT3, INTO: delivers with the instruction's end as return address; throws what the
   * instruction raises.
   */
  void software(int vector, long nextRip) {
    deliver(vector, Kind.SOFTWARE, false, 0, nextRip, c.rflags());
    c.trapSuppressed = true;
  }

  /** INT1: an exception that no privilege check stops. */
  void icebp(long nextRip) {
    deliver(GuestFault.DB, Kind.EXCEPTION, false, 0, nextRip, c.rflags());
    c.trapSuppressed = true;
  }

  private static boolean contributory(int vector) {
    return vector == GuestFault.DE || vector >= GuestFault.TS && vector <= GuestFault.GP;
  }

  /** What a second exception during the delivery of a first becomes (SDM vol. 3A table 6-5). */
  static GuestFault combine(GuestFault first, GuestFault second) {
    boolean doubled =
        contributory(first.vector) && contributory(second.vector)
            || first.vector == GuestFault.PF
                && (second.vector == GuestFault.PF || contributory(second.vector));
    return doubled ? GuestFault.of(GuestFault.DF) : second;
  }

  private void deliver(
      int vector, Kind kind, boolean hasError, int error, long returnRip, long rflags) {
    c.log.deliver(vector);
    if (!c.protectedMode()) {
      real(vector, returnRip, rflags);
    } else if (c.longMode()) {
      longMode(vector, kind, hasError, error, returnRip, rflags);
    } else {
      protectedMode(vector, kind, hasError, error, returnRip, rflags);
    }
    c.interruptShadow = false;
  }

  private void real(int vector, long returnRip, long rflags) {
    if (vector * 4 + 3 > c.idtLimit) {
      throw GuestFault.of(GuestFault.GP);
    }
    long entry = c.mmu.systemRead(c.idtBase + vector * 4L, 4);
    frame.current();
    frame.push(2, rflags);
    frame.push(2, c.segSelector[DecodeContext.CS]);
    frame.push(2, returnRip);
    c.setStackPointer(frame.pointer());
    c.segments.loadReal(DecodeContext.CS, (int) (entry >>> 16));
    c.rip = entry & 0xFFFF;
    c.setRflags(c.rflags() & ~(Flags.IF | Flags.TF | Flags.AC | Flags.RF));
  }

  // 64-bit mode.

  private void longMode(
      int vector, Kind kind, boolean hasError, int error, long returnRip, long rflags) {
    int ext = kind == Kind.SOFTWARE ? 0 : 1;
    int gateError = vector * 8 + 2 + ext;
    if (vector * 16 + 15 > c.idtLimit) {
      throw GuestFault.of(GuestFault.GP, gateError);
    }
    long low = c.mmu.systemRead(c.idtBase + vector * 16L, 8);
    long high = c.mmu.systemRead(c.idtBase + vector * 16L + 8, 8);
    int a = Segments.attributes(low);
    int type = a & 0x1F;
    if (type != 0xE && type != 0xF || kind == Kind.SOFTWARE && Segments.dpl(a) < c.cpl) {
      throw GuestFault.of(GuestFault.GP, gateError);
    }
    if ((a & Segments.P) == 0) {
      throw GuestFault.of(GuestFault.NP, gateError);
    }
    int selector = (int) (low >>> 16) & 0xFFFF;
    long raw = codeDescriptor(selector, ext);
    int code = Segments.attributes(raw);
    if ((code & (Segments.L | Segments.DB)) != Segments.L) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC | ext);
    }
    long target = low & 0xFFFF | low >>> 32 & 0xFFFF_0000L | high << 32;
    boolean inner = (code & Segments.CONFORMING) == 0 && Segments.dpl(code) < c.cpl;
    int newCpl = inner ? Segments.dpl(code) : c.cpl;
    int ist = (int) (low >>> 32) & 7;
    long sp = c.regs[4];
    if (ist != 0) {
      sp = taskStack64(0x1C + 8 * ist, ext);
    } else if (inner) {
      sp = taskStack64(4 + 8 * newCpl, ext);
    }
    int words = hasError ? 6 : 5;
    sp = (sp & -16L) - 8L * words;
    if (!Cr.canonical(sp) || !Cr.canonical(sp + 8L * words - 1)) {
      throw GuestFault.of(GuestFault.SS, ext);
    }
    if (!Cr.canonical(target)) {
      throw GuestFault.of(GuestFault.GP, ext);
    }
    int user = newCpl == 3 ? 1 : 0;
    c.mmu.probeAs(sp, 8 * words, user);
    long at = sp;
    if (hasError) {
      c.mmu.writeAs(at, 8, error, user);
      at += 8;
    }
    c.mmu.writeAs(at, 8, returnRip, user);
    c.mmu.writeAs(at + 8, 8, c.segSelector[DecodeContext.CS], user);
    c.mmu.writeAs(at + 16, 8, rflags, user);
    c.mmu.writeAs(at + 24, 8, c.regs[4], user);
    c.mmu.writeAs(at + 32, 8, c.segSelector[DecodeContext.SS], user);
    raw = c.segments.access(selector, raw);
    c.regs[4] = sp;
    enterCode(selector, raw, newCpl);
    if (inner) {
      c.segments.loadNull(DecodeContext.SS, newCpl);
    }
    c.rip = target;
    clearFlags(type == 0xE);
  }

  private long taskStack64(int offset, int ext) {
    if (offset + 7 > c.segLimit[SoftCpu.TR]) {
      throw GuestFault.of(GuestFault.TS, c.segSelector[SoftCpu.TR] & 0xFFFC | ext);
    }
    return c.mmu.systemRead(c.segBase[SoftCpu.TR] + offset, 8);
  }

  /** Reads and checks the code segment that a gate names. */
  private long codeDescriptor(int selector, int ext) {
    if (Segments.isNull(selector)) {
      throw GuestFault.of(GuestFault.GP, ext);
    }
    long raw = c.segments.descriptor(selector, GuestFault.GP, ext);
    int a = Segments.attributes(raw);
    if ((a & (Segments.S | Segments.CODE)) != (Segments.S | Segments.CODE)
        || Segments.dpl(a) > c.cpl) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC | ext);
    }
    if ((a & Segments.P) == 0) {
      throw GuestFault.of(GuestFault.NP, selector & 0xFFFC | ext);
    }
    return raw;
  }

  private void enterCode(int selector, long raw, int cpl) {
    c.cpl = cpl;
    c.segments.load(DecodeContext.CS, selector & 0xFFFC | cpl, raw);
  }

  private void clearFlags(boolean interruptGate) {
    long clear = Flags.TF | Flags.NT | Flags.RF | Flags.VM | (interruptGate ? Flags.IF : 0);
    c.setRflags(c.rflags() & ~clear);
  }

  // 16- and 32-bit protected mode.

  private void protectedMode(
      int vector, Kind kind, boolean hasError, int error, long returnRip, long rflags) {
    int ext = kind == Kind.SOFTWARE ? 0 : 1;
    int gateError = vector * 8 + 2 + ext;
    if (vector * 8 + 7 > c.idtLimit) {
      throw GuestFault.of(GuestFault.GP, gateError);
    }
    long gate = c.mmu.systemRead(c.idtBase + vector * 8L, 8);
    int a = Segments.attributes(gate);
    int type = a & 0x1F;
    boolean known = type == TASK_GATE || type == 6 || type == 7 || type == 0xE || type == 0xF;
    if (!known || kind == Kind.SOFTWARE && Segments.dpl(a) < c.cpl) {
      throw GuestFault.of(GuestFault.GP, gateError);
    }
    if ((a & Segments.P) == 0) {
      throw GuestFault.of(GuestFault.NP, gateError);
    }
    int selector = (int) (gate >>> 16) & 0xFFFF;
    if (type == TASK_GATE) {
      tasks.interrupt(selector, ext, returnRip, rflags, hasError, error);
      return;
    }
    long target = type >= 0xE ? gate & 0xFFFF | gate >>> 32 & 0xFFFF_0000L : gate & 0xFFFF;
    int size = type >= 0xE ? 4 : 2;
    long raw = codeDescriptor(selector, ext);
    int code = Segments.attributes(raw);
    boolean inner = (code & Segments.CONFORMING) == 0 && Segments.dpl(code) < c.cpl;
    boolean fromVirtual = c.virtual8086();
    if (fromVirtual && (!inner || Segments.dpl(code) != 0)) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC | ext);
    }
    int newCpl = inner ? Segments.dpl(code) : c.cpl;
    if (target > Segments.limit(raw)) {
      throw GuestFault.of(GuestFault.GP, ext);
    }
    if (inner) {
      frame.inner(newCpl, ext);
      if (fromVirtual) {
        frame.push(size, c.segSelector[DecodeContext.GS]);
        frame.push(size, c.segSelector[DecodeContext.FS]);
        frame.push(size, c.segSelector[DecodeContext.DS]);
        frame.push(size, c.segSelector[DecodeContext.ES]);
      }
      frame.push(size, c.segSelector[DecodeContext.SS]);
      frame.push(size, c.regs[4]);
    } else {
      frame.current();
    }
    frame.push(size, rflags);
    frame.push(size, c.segSelector[DecodeContext.CS]);
    frame.push(size, returnRip);
    if (hasError) {
      frame.push(size, error);
    }
    raw = c.segments.access(selector, raw);
    clearFlags((type & 1) == 0);
    if (fromVirtual) {
      for (int seg :
          new int[] {DecodeContext.ES, DecodeContext.DS, DecodeContext.FS, DecodeContext.GS}) {
        c.segments.loadNull(seg, 0);
      }
      c.segments.computeAllBounds();
    }
    enterCode(selector, raw, newCpl);
    if (inner) {
      frame.loadStack();
    }
    c.setStackPointer(frame.pointer());
    c.rip = target;
  }

  /** Switches tasks for a far transfer; see {@link TaskSwitch}. */
  TaskSwitch tasks() {
    return tasks;
  }
}
