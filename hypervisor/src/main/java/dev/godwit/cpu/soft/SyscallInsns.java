package dev.godwit.cpu.soft;

/** The fast ways into and out of a kernel (SDM vol. 3A 5.8.7, 5.8.8). */
final class SyscallInsns {
  private static final int RCX = 1;
  private static final int RDX = 2;
  private static final int RSP = 4;
  private static final int R11 = 11;

  private static final int CODE64 = 0xA09B;
  private static final int CODE32 = 0xC09B;
  private static final int DATA = 0xC093;
  private static final int DPL3 = 0x60;
  private static final long SYSRET_FLAGS = 0x3C_7FD7;

  private SyscallInsns() {}

  private static void enter(
      SoftCpu c, int selector, int cpl, int codeAttributes, int stackSelector) {
    c.cpl = cpl;
    int dpl = cpl == 3 ? DPL3 : 0;
    c.segments.set(DecodeContext.SS, stackSelector | cpl, 0, 0xFFFF_FFFFL, DATA | dpl);
    c.segments.set(DecodeContext.CS, selector | cpl, 0, 0xFFFF_FFFFL, codeAttributes | dpl);
  }

  static Insn syscall(DecodeContext d) {
    boolean is64 = d.is64();
    long next = d.nextRip();
    return SystemInsn.ending(
        d,
        c -> {
          if (!is64 || (c.efer & Cr.SCE) == 0) {
            throw GuestFault.of(GuestFault.UD);
          }
          c.regs[RCX] = next;
          c.regs[R11] = c.rflags() & ~Flags.RF;
          int selector = (int) (c.msrs.star >>> 32) & 0xFFFC;
          enter(c, selector, 0, CODE64, selector + 8);
          c.rip = c.msrs.lstar;
          boolean stepped = (c.flagsRest & Flags.TF) != 0;
          c.setRflags(c.rflags() & ~(c.msrs.fmask | Flags.RF));
          c.trapSuppressed = stepped && (c.flagsRest & Flags.TF) == 0;
        });
  }

  static Insn sysret(DecodeContext d) {
    boolean is64 = d.is64();
    boolean wide = d.rexW();
    return SystemInsn.ending(
        d,
        c -> {
          if (!is64 || (c.efer & Cr.SCE) == 0) {
            throw GuestFault.of(GuestFault.UD);
          }
          SystemInsn.requireSupervisor(c);
          long target = c.regs[RCX];
          if (wide && !Cr.canonical(target)) {
            throw GuestFault.of(GuestFault.GP);
          }
          int base = (int) (c.msrs.star >>> 48) & 0xFFFC;
          if (wide) {
            enter(c, base + 16, 3, CODE64, base + 8);
            c.rip = target;
          } else {
            enter(c, base, 3, CODE32, base + 8);
            c.rip = target & 0xFFFF_FFFFL;
          }
          c.setRflags(c.regs[R11] & SYSRET_FLAGS);
        });
  }

  static Insn sysenter(DecodeContext d) {
    return SystemInsn.ending(
        d,
        c -> {
          int selector = (int) c.msrs.sysenterCs & 0xFFFC;
          if (!c.protectedMode() || selector == 0) {
            throw GuestFault.of(GuestFault.GP);
          }
          boolean wide = c.longMode();
          c.setRflags(c.rflags() & ~(Flags.VM | Flags.IF | Flags.RF));
          enter(c, selector, 0, wide ? CODE64 : CODE32, selector + 8);
          c.regs[RSP] = wide ? c.msrs.sysenterEsp : c.msrs.sysenterEsp & 0xFFFF_FFFFL;
          c.rip = wide ? c.msrs.sysenterEip : c.msrs.sysenterEip & 0xFFFF_FFFFL;
        });
  }

  static Insn sysexit(DecodeContext d) {
    boolean wide = d.rexW();
    return SystemInsn.ending(
        d,
        c -> {
          int selector = (int) c.msrs.sysenterCs & 0xFFFC;
          if (!c.protectedMode() || selector == 0 || c.cpl != 0) {
            throw GuestFault.of(GuestFault.GP);
          }
          long target = c.regs[RDX];
          long sp = c.regs[RCX];
          if (wide && (!Cr.canonical(target) || !Cr.canonical(sp))) {
            throw GuestFault.of(GuestFault.GP);
          }
          if (wide) {
            enter(c, selector + 32, 3, CODE64, selector + 40);
          } else {
            enter(c, selector + 16, 3, CODE32, selector + 24);
            target &= 0xFFFF_FFFFL;
            sp &= 0xFFFF_FFFFL;
          }
          c.regs[RSP] = sp;
          c.rip = target;
        });
  }

  static Insn swapgs(DecodeContext d) {
    return SystemInsn.plain(
        d,
        c -> {
          SystemInsn.requireSupervisor(c);
          long base = c.segBase[DecodeContext.GS];
          c.segBase[DecodeContext.GS] = c.msrs.kernelGsBase;
          c.msrs.kernelGsBase = base;
        });
  }
}
