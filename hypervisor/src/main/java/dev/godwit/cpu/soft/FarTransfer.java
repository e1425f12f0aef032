package dev.godwit.cpu.soft;

/**
 * Far JMP, CALL, RET and IRET in all modes (SDM vol. 2, vol. 3A 5.8). Each sets RIP and returns, or
 * faults.
 */
final class FarTransfer {
  private static final int CODE_SEGMENT = Segments.S | Segments.CODE;

  private FarTransfer() {}

  private static boolean realLike(SoftCpu c) {
    return !c.protectedMode() || c.virtual8086();
  }

  /**
   * JMP or CALL ptr16:n.
   *
   * @param size operand size in bytes: 2, 4 or 8
   */
  static void enter(SoftCpu c, int selector, long offset, int size, boolean call, long nextRip) {
    if (realLike(c)) {
      if (offset > 0xFFFF && offset > c.segLimit[DecodeContext.CS]) {
        throw GuestFault.of(GuestFault.GP);
      }
      if (call) {
        pushTwo(c, size, c.segSelector[DecodeContext.CS], nextRip);
      }
      c.segments.loadReal(DecodeContext.CS, selector);
      c.rip = offset;
      return;
    }
    if (Segments.isNull(selector)) {
      throw GuestFault.of(GuestFault.GP);
    }
    long raw = c.segments.descriptor(selector, GuestFault.GP, 0);
    int a = Segments.attributes(raw);
    if ((a & Segments.S) != 0) {
      checkCode(c, selector, raw, c.cpl, selector & 3);
      long target = checkTarget(c, raw, offset);
      if (call) {
        pushTwo(c, size, c.segSelector[DecodeContext.CS], nextRip);
      }
      loadCode(c, selector, raw, c.cpl);
      c.rip = target;
      return;
    }
    int type = a & 0xF;
    boolean gate = type == 0xC || type == 4 && !c.longMode();
    boolean task = !c.longMode() && (type == 5 || type == 9 || type == 1);
    if (!gate && !task || Segments.dpl(a) < Math.max(c.cpl, selector & 3)) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC);
    }
    if ((a & Segments.P) == 0) {
      throw GuestFault.of(GuestFault.NP, selector & 0xFFFC);
    }
    if (task) {
      c.interrupts
          .tasks()
          .transfer(type == 5 ? (int) (raw >>> 16) & 0xFFFF : selector, call, nextRip);
    } else if (c.longMode()) {
      throughGate64(c, selector, raw, call, nextRip);
    } else {
      throughGate(c, raw, type == 0xC ? 4 : 2, call, nextRip);
    }
  }

  /** Checks a code segment as the direct target of a transfer at privilege {@code cpl}. */
  private static void checkCode(SoftCpu c, int selector, long raw, int cpl, int rpl) {
    int a = Segments.attributes(raw);
    boolean conforming = (a & Segments.CONFORMING) != 0;
    boolean allowed = conforming ? Segments.dpl(a) <= cpl : Segments.dpl(a) == cpl && rpl <= cpl;
    if ((a & CODE_SEGMENT) != CODE_SEGMENT || !allowed || mixed(c, a)) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC);
    }
    if ((a & Segments.P) == 0) {
      throw GuestFault.of(GuestFault.NP, selector & 0xFFFC);
    }
  }

  /** L and D both set are reserved in long mode. */
  private static boolean mixed(SoftCpu c, int attributes) {
    int both = Segments.L | Segments.DB;
    return c.longMode() && (attributes & both) == both;
  }

  /** Returns the offset as the target segment takes it, or raises #GP(0). */
  private static long checkTarget(SoftCpu c, long raw, long offset) {
    if (c.longMode() && (Segments.attributes(raw) & Segments.L) != 0) {
      if (!Cr.canonical(offset)) {
        throw GuestFault.of(GuestFault.GP);
      }
      return offset;
    }
    long target = offset & 0xFFFF_FFFFL;
    if (target > Segments.limit(raw)) {
      throw GuestFault.of(GuestFault.GP);
    }
    return target;
  }

  private static void pushTwo(SoftCpu c, int size, long high, long low) {
    long sp = c.regs[4];
    c.push(size, high);
    try {
      c.push(size, low);
    } catch (GuestFault fault) {
      c.regs[4] = sp;
      throw fault;
    }
  }

  private static void loadCode(SoftCpu c, int selector, long raw, int cpl) {
    long accessed = c.segments.access(selector, raw);
    c.cpl = cpl;
    c.segments.load(DecodeContext.CS, selector & 0xFFFC | cpl, accessed);
  }

  private static void throughGate(SoftCpu c, long gate, int size, boolean call, long nextRip) {
    int selector = (int) (gate >>> 16) & 0xFFFF;
    long offset = gate & 0xFFFF | (size == 4 ? gate >>> 32 & 0xFFFF_0000L : 0);
    long raw = gateTarget(c, selector, call);
    int a = Segments.attributes(raw);
    long target = checkTarget(c, raw, offset);
    boolean inner = call && (a & Segments.CONFORMING) == 0 && Segments.dpl(a) < c.cpl;
    if (!inner) {
      if (call) {
        pushTwo(c, size, c.segSelector[DecodeContext.CS], nextRip);
      }
      loadCode(c, selector, raw, c.cpl);
      c.rip = target;
      return;
    }
    int parameters = (int) (gate >>> 32) & 31;
    Frame frame = new Frame(c);
    frame.inner(Segments.dpl(a), 0);
    frame.push(size, c.segSelector[DecodeContext.SS]);
    frame.push(size, c.regs[4]);
    for (int i = parameters - 1; i >= 0; i--) {
      frame.push(size, c.peek((long) i * size, size));
    }
    frame.push(size, c.segSelector[DecodeContext.CS]);
    frame.push(size, nextRip);
    loadCode(c, selector, raw, Segments.dpl(a));
    frame.loadStack();
    c.setStackPointer(frame.pointer());
    c.rip = target;
  }

  private static long gateTarget(SoftCpu c, int selector, boolean call) {
    if (Segments.isNull(selector)) {
      throw GuestFault.of(GuestFault.GP);
    }
    long raw = c.segments.descriptor(selector, GuestFault.GP, 0);
    int a = Segments.attributes(raw);
    boolean conforming = (a & Segments.CONFORMING) != 0;
    boolean level = call || conforming ? Segments.dpl(a) <= c.cpl : Segments.dpl(a) == c.cpl;
    boolean width = !c.longMode() || (a & (Segments.L | Segments.DB)) == Segments.L;
    if ((a & CODE_SEGMENT) != CODE_SEGMENT || !level || !width) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC);
    }
    if ((a & Segments.P) == 0) {
      throw GuestFault.of(GuestFault.NP, selector & 0xFFFC);
    }
    return raw;
  }

  private static void throughGate64(
      SoftCpu c, int gateSelector, long gate, boolean call, long nextRip) {
    long upper =
        c.mmu.systemRead(c.segments.descriptorAddress(gateSelector, 16, GuestFault.GP, 0) + 8, 8);
    if ((upper >>> 40 & 0x1F) != 0) {
      throw GuestFault.of(GuestFault.GP, gateSelector & 0xFFFC);
    }
    int selector = (int) (gate >>> 16) & 0xFFFF;
    long target = gate & 0xFFFF | gate >>> 32 & 0xFFFF_0000L | upper << 32;
    long raw = gateTarget(c, selector, call);
    int a = Segments.attributes(raw);
    if (!Cr.canonical(target)) {
      throw GuestFault.of(GuestFault.GP);
    }
    boolean inner = call && (a & Segments.CONFORMING) == 0 && Segments.dpl(a) < c.cpl;
    if (!inner) {
      if (call) {
        pushTwo(c, 8, c.segSelector[DecodeContext.CS], nextRip);
      }
      loadCode(c, selector, raw, c.cpl);
      c.rip = target;
      return;
    }
    int newCpl = Segments.dpl(a);
    int at = 4 + 8 * newCpl;
    if (at + 7 > c.segLimit[SoftCpu.TR]) {
      throw GuestFault.of(GuestFault.TS, c.segSelector[SoftCpu.TR] & 0xFFFC);
    }
    long sp = c.mmu.systemRead(c.segBase[SoftCpu.TR] + at, 8) - 32;
    c.mmu.checkStack(sp, 32);
    int user = newCpl == 3 ? 1 : 0;
    c.mmu.probeAs(sp, 32, user);
    c.mmu.writeAs(sp, 8, nextRip, user);
    c.mmu.writeAs(sp + 8, 8, c.segSelector[DecodeContext.CS], user);
    c.mmu.writeAs(sp + 16, 8, c.regs[4], user);
    c.mmu.writeAs(sp + 24, 8, c.segSelector[DecodeContext.SS], user);
    loadCode(c, selector, raw, newCpl);
    c.segments.loadNull(DecodeContext.SS, newCpl);
    c.regs[4] = sp;
    c.rip = target;
  }

  /**
   * RETF.
   *
   * @param size operand size in bytes
   * @param release bytes of parameters to drop
   */
  static void ret(SoftCpu c, int size, int release) {
    long rip = c.peek(0, size);
    int selector = (int) c.peek(size, size) & 0xFFFF;
    if (realLike(c)) {
      if (rip > c.segLimit[DecodeContext.CS]) {
        throw GuestFault.of(GuestFault.GP);
      }
      c.setStackPointer(c.regs[4] + 2L * size + release);
      c.segments.loadReal(DecodeContext.CS, selector);
      c.rip = rip;
      return;
    }
    long raw = returnCode(c, selector);
    long target = checkTarget(c, raw, rip);
    if ((selector & 3) == c.cpl) {
      c.setStackPointer(c.regs[4] + 2L * size + release);
      loadCode(c, selector, raw, c.cpl);
      c.rip = target;
      return;
    }
    long sp = c.peek(2L * size + release, size);
    int ss = (int) c.peek(3L * size + release, size) & 0xFFFF;
    outer(c, selector, raw, target, ss, sp, release);
  }

  /** Checks the code segment that a return names. */
  private static long returnCode(SoftCpu c, int selector) {
    if (Segments.isNull(selector)) {
      throw GuestFault.of(GuestFault.GP);
    }
    long raw = c.segments.descriptor(selector, GuestFault.GP, 0);
    int a = Segments.attributes(raw);
    int rpl = selector & 3;
    boolean conforming = (a & Segments.CONFORMING) != 0;
    boolean level = conforming ? Segments.dpl(a) <= rpl : Segments.dpl(a) == rpl;
    if ((a & CODE_SEGMENT) != CODE_SEGMENT || rpl < c.cpl || !level || mixed(c, a)) {
      throw GuestFault.of(GuestFault.GP, selector & 0xFFFC);
    }
    if ((a & Segments.P) == 0) {
      throw GuestFault.of(GuestFault.NP, selector & 0xFFFC);
    }
    return raw;
  }

  /**
   * Completes a return that loads SS and the stack pointer: to an outer level, or any IRET in
   * 64-bit mode.
   */
  private static void outer(
      SoftCpu c, int selector, long raw, long target, int ss, long sp, int release) {
    int newCpl = selector & 3;
    boolean to64 = c.longMode() && (Segments.attributes(raw) & Segments.L) != 0;
    long stack = 0;
    if (Segments.isNull(ss)) {
      if (!to64 || newCpl == 3) {
        throw GuestFault.of(GuestFault.GP);
      }
    } else {
      stack = c.segments.descriptor(ss, GuestFault.GP, 0);
      Segments.checkStack(ss, stack, newCpl, GuestFault.GP, 0);
      stack = c.segments.access(ss, stack);
    }
    boolean outward = newCpl > c.cpl;
    loadCode(c, selector, raw, newCpl);
    if (stack == 0) {
      c.segments.loadNull(DecodeContext.SS, ss);
    } else {
      c.segments.load(DecodeContext.SS, ss, stack);
    }
    if (to64) {
      c.regs[4] = sp + release;
    } else {
      c.setStackPointer(sp + release);
    }
    c.rip = target;
    if (outward) {
      c.segments.dropInnerData();
    }
  }

  /** IRET, IRETD, IRETQ. */
  static void iret(SoftCpu c, int size, long nextRip) {
    if (!c.protectedMode()) {
      iretReal(c, size);
    } else if (c.virtual8086()) {
      if (c.iopl() < 3) {
        throw GuestFault.of(GuestFault.GP);
      }
      iretReal(c, size);
    } else {
      iretProtected(c, size, nextRip);
    }
    c.nmiBlocked = false;
    c.attention = true;
  }

  private static void iretReal(SoftCpu c, int size) {
    long rip = c.peek(0, size);
    int selector = (int) c.peek(size, size) & 0xFFFF;
    long flags = c.peek(2L * size, size);
    if (rip > c.segLimit[DecodeContext.CS]) {
      throw GuestFault.of(GuestFault.GP);
    }
    c.setStackPointer(c.regs[4] + 3L * size);
    c.segments.loadReal(DecodeContext.CS, selector);
    c.rip = rip;
    long keep = Flags.VM | Flags.VIF | Flags.VIP | (c.virtual8086() ? Flags.IOPL : 0);
    if (size == 2) {
      keep |= 0xFFFF_0000L;
    }
    c.setRflags(c.rflags() & keep | flags & ~keep);
  }

  private static void iretProtected(SoftCpu c, int size, long nextRip) {
    if ((c.flagsRest & Flags.NT) != 0) {
      if (c.longMode()) {
        throw GuestFault.of(GuestFault.GP);
      }
      c.interrupts.tasks().back(nextRip);
      return;
    }
    long rip = c.peek(0, size);
    int selector = (int) c.peek(size, size) & 0xFFFF;
    long flags = c.peek(2L * size, size);
    if ((flags & Flags.VM) != 0 && c.cpl == 0 && size == 4 && !c.longMode()) {
      toVirtual8086(c, rip, selector, flags);
      return;
    }
    long raw = returnCode(c, selector);
    long target = checkTarget(c, raw, rip);
    int oldCpl = c.cpl;
    int oldIopl = c.iopl();
    if ((selector & 3) == c.cpl && c.codeBits != 64) {
      c.setStackPointer(c.regs[4] + 3L * size);
      loadCode(c, selector, raw, c.cpl);
      c.rip = target;
    } else {
      long sp = c.peek(3L * size, size);
      int ss = (int) c.peek(4L * size, size) & 0xFFFF;
      outer(c, selector, raw, target, ss, sp, 0);
    }
    long change = Flags.ARITHMETIC | Flags.TF | Flags.DF | Flags.NT;
    if (size > 2) {
      change |= Flags.RF | Flags.AC | Flags.ID;
    }
    if (oldCpl <= oldIopl) {
      change |= Flags.IF;
    }
    if (oldCpl == 0) {
      change |= Flags.IOPL | (size > 2 ? Flags.VIF | Flags.VIP : 0);
    }
    c.setRflags(c.rflags() & ~change | flags & change);
  }

  private static void toVirtual8086(SoftCpu c, long rip, int selector, long flags) {
    long sp = c.peek(12, 4);
    int ss = (int) c.peek(16, 4) & 0xFFFF;
    int[] data = new int[4];
    for (int i = 0; i < 4; i++) {
      data[i] = (int) c.peek(20 + 4L * i, 4) & 0xFFFF;
    }
    if ((rip & 0xFFFF_FFFFL) > 0xFFFF) {
      throw GuestFault.of(GuestFault.GP);
    }
    c.cpl = 3;
    c.setRflags(flags);
    c.segments.loadReal(DecodeContext.CS, selector);
    c.segments.loadReal(DecodeContext.SS, ss);
    c.segments.loadReal(DecodeContext.ES, data[0]);
    c.segments.loadReal(DecodeContext.DS, data[1]);
    c.segments.loadReal(DecodeContext.FS, data[2]);
    c.segments.loadReal(DecodeContext.GS, data[3]);
    c.regs[4] = sp;
    c.rip = rip & 0xFFFF;
  }
}
