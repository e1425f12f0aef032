package dev.godwit.cpu.soft;

/**
 * Hardware task switches of 16- and 32-bit protected mode (SDM vol. 3A ch. 8). Long mode has none.
 */
final class TaskSwitch {
  private enum Reason {
    JUMP,
    CALL,
    RETURN
  }

  private static final int[] ORDER = {
    DecodeContext.ES,
    DecodeContext.CS,
    DecodeContext.SS,
    DecodeContext.DS,
    DecodeContext.FS,
    DecodeContext.GS
  };

  private final SoftCpu c;

  TaskSwitch(SoftCpu c) {
    this.c = c;
  }

  /** Enters a task through a task gate of the IDT. */
  void interrupt(int selector, int ext, long returnRip, long rflags, boolean hasError, int error) {
    switchTo(selector, Reason.CALL, returnRip, rflags, ext);
    if (hasError) {
      c.push((c.segAttributes[SoftCpu.TR] & 8) != 0 ? 4 : 2, error);
    }
  }

  /** JMP or CALL to a TSS or a task gate. */
  void transfer(int selector, boolean call, long nextRip) {
    switchTo(selector, call ? Reason.CALL : Reason.JUMP, nextRip, c.rflags(), 0);
  }

  /** IRET with NT set. */
  void back(long nextRip) {
    int link = (int) c.mmu.systemRead(c.segBase[SoftCpu.TR], 2);
    switchTo(link, Reason.RETURN, nextRip, c.rflags() & ~Flags.NT, 0);
  }

  private void switchTo(int selector, Reason reason, long nextRip, long rflags, int ext) {
    int vector = reason == Reason.RETURN ? GuestFault.TS : GuestFault.GP;
    int error = selector & 0xFFFC | ext;
    if ((selector & 4) != 0 || Segments.isNull(selector)) {
      throw GuestFault.of(vector, error);
    }
    long raw = c.segments.descriptor(selector, vector, ext);
    int a = Segments.attributes(raw);
    int type = a & 0x1F;
    boolean busy = type == 3 || type == 0xB;
    if (type != 1 && type != 9 && !busy || busy != (reason == Reason.RETURN)) {
      throw GuestFault.of(vector, error);
    }
    if ((a & Segments.P) == 0) {
      throw GuestFault.of(GuestFault.NP, error);
    }
    boolean wide = (type & 8) != 0;
    long limit = Segments.limit(raw);
    if (limit < (wide ? 0x67 : 0x2B)) {
      throw GuestFault.of(GuestFault.TS, error);
    }
    long next = Segments.base(raw);
    c.mmu.systemRead(next, 2);
    c.mmu.systemRead(next + (wide ? 0x64 : 0x2A), 2);
    int oldSelector = c.segSelector[SoftCpu.TR];
    if (reason != Reason.CALL) {
      long oldRaw = c.segments.descriptor(oldSelector, GuestFault.TS, 0);
      c.segments.setBusy(oldSelector, oldRaw, false);
    }
    saveOld(nextRip, rflags);
    if (reason == Reason.CALL) {
      c.mmu.systemWrite(next, 2, oldSelector);
    }
    if (reason != Reason.RETURN) {
      c.segments.setBusy(selector, raw, true);
    }
    c.segments.set(SoftCpu.TR, selector, next, limit, a | 2);
    c.cr0 |= Cr.TS;
    loadNew(next, wide, reason == Reason.CALL);
  }

  private void saveOld(long nextRip, long rflags) {
    long tss = c.segBase[SoftCpu.TR];
    boolean wide = (c.segAttributes[SoftCpu.TR] & 8) != 0;
    int size = wide ? 4 : 2;
    long at = tss + (wide ? 0x20 : 0xE);
    c.mmu.systemWrite(at, size, nextRip);
    c.mmu.systemWrite(at + size, size, rflags);
    for (int i = 0; i < 8; i++) {
      c.mmu.systemWrite(at + size * (2L + i), size, c.regs[i]);
    }
    at += size * 10L;
    int segments = wide ? 6 : 4;
    for (int i = 0; i < segments; i++) {
      c.mmu.systemWrite(at + (long) size * i, 2, c.segSelector[ORDER[i]]);
    }
  }

  private void loadNew(long tss, boolean wide, boolean nested) {
    int size = wide ? 4 : 2;
    if (wide && (c.cr0 & Cr.PG) != 0) {
      long cr3 = c.mmu.systemRead(tss + 0x1C, 4);
      if (cr3 != c.cr3) {
        c.cr3 = cr3;
        if ((c.cr4 & Cr.PAE) != 0) {
          c.mmu.walk.loadPdptes(cr3);
        }
        c.mmu.flushLocal();
      }
    }
    long at = tss + (wide ? 0x20 : 0xE);
    long rip = c.mmu.systemRead(at, size);
    long rflags = c.mmu.systemRead(at + size, size) | (nested ? Flags.NT : 0);
    long[] gpr = new long[8];
    for (int i = 0; i < 8; i++) {
      gpr[i] = c.mmu.systemRead(at + size * (2L + i), size);
    }
    at += size * 10L;
    int[] selectors = new int[6];
    for (int i = 0; i < (wide ? 6 : 4); i++) {
      selectors[i] = (int) c.mmu.systemRead(at + (long) size * i, 2);
    }
    int ldt = (int) c.mmu.systemRead(tss + (wide ? 0x60 : 0x2A), 2);
    System.arraycopy(gpr, 0, c.regs, 0, 8);
    c.rip = rip;
    c.setRflags(rflags);
    c.dr[7] &= ~0x155L;
    for (int i = 0; i < 6; i++) {
      c.segments.set(ORDER[i], selectors[i], 0, 0, Segments.UNUSABLE);
    }
    // From here on faults belong to the new task.
    if (c.virtual8086()) {
      c.cpl = 3;
      for (int i = 0; i < 6; i++) {
        c.segments.loadReal(ORDER[i], selectors[i]);
      }
      c.segments.computeAllBounds();
      return;
    }
    asTaskFault(ldt, () -> c.segments.loadLdt(ldt));
    c.setCpl(selectors[1] & 3);
    int cs = selectors[1];
    long raw = c.segments.descriptor(cs, GuestFault.TS, 0);
    int a = Segments.attributes(raw);
    boolean conforming = (a & Segments.CONFORMING) != 0;
    boolean code = (a & (Segments.S | Segments.CODE)) == (Segments.S | Segments.CODE);
    if (!code || (conforming ? Segments.dpl(a) > c.cpl : Segments.dpl(a) != c.cpl)) {
      throw GuestFault.of(GuestFault.TS, cs & 0xFFFC);
    }
    if ((a & Segments.P) == 0) {
      throw GuestFault.of(GuestFault.NP, cs & 0xFFFC);
    }
    c.segments.load(DecodeContext.CS, cs, c.segments.access(cs, raw));
    asTaskFault(selectors[2], () -> c.segments.loadChecked(DecodeContext.SS, selectors[2]));
    for (int i : new int[] {0, 3, 4, 5}) {
      asTaskFault(selectors[i], () -> c.segments.loadChecked(ORDER[i], selectors[i]));
    }
  }

  /** Loads a segment of the new task: what elsewhere is #GP is #TS here. */
  private static void asTaskFault(int selector, Runnable load) {
    try {
      load.run();
    } catch (GuestFault fault) {
      throw fault.vector == GuestFault.GP ? GuestFault.of(GuestFault.TS, selector & 0xFFFC) : fault;
    }
  }
}
