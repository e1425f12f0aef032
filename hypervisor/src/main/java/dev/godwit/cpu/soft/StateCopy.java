package dev.godwit.cpu.soft;

import dev.godwit.cpu.CpuException;
import dev.godwit.cpu.VcpuState;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Moves the architectural state between {@link SoftCpu} and {@link VcpuState}. */
final class StateCopy {
  private StateCopy() {}

  static VcpuState save(SoftCpu c) {
    List<VcpuState.Segment> segments = new ArrayList<>(6);
    for (int seg = 0; seg <= DecodeContext.GS; seg++) {
      segments.add(segment(c, seg));
    }
    return new VcpuState(
        Arrays.copyOf(c.regs, 16),
        c.rip,
        c.rflags(),
        List.copyOf(segments),
        segment(c, SoftCpu.LDTR),
        segment(c, SoftCpu.TR),
        new VcpuState.Table(c.gdtBase, c.gdtLimit),
        new VcpuState.Table(c.idtBase, c.idtLimit),
        new VcpuState.Control(c.cr0, c.cr2, c.cr3, c.cr4, c.ports.apic().cr8()),
        new long[] {c.dr[0], c.dr[1], c.dr[2], c.dr[3], c.dr[6], c.dr[7]},
        c.msrs.save(),
        FxImage.toBytes(c),
        c.activity,
        c.interruptShadow,
        c.nmiBlocked);
  }

  private static VcpuState.Segment segment(SoftCpu c, int seg) {
    return new VcpuState.Segment(
        c.segSelector[seg], c.segBase[seg], (int) c.segLimit[seg], c.segAttributes[seg]);
  }

  /**
   * Replaces the whole state.
   *
   * @throws CpuException BAD_STATE for what no vCPU could be in; the vCPU must not run then
   */
  static void restore(SoftCpu c, VcpuState s) {
    check(s);
    c.reset();
    c.msrs.restore(s.msrs());
    System.arraycopy(s.gpr(), 0, c.regs, 0, 16);
    c.rip = s.rip();
    c.cr0 = s.control().cr0();
    c.cr2 = s.control().cr2();
    c.cr3 = s.control().cr3();
    c.cr4 = s.control().cr4();
    if (c.ports.apic().cr8() != s.control().cr8()) {
      c.ports.apic().setCr8((int) s.control().cr8());
    }
    long[] dr = s.debug();
    System.arraycopy(dr, 0, c.dr, 0, 4);
    c.dr[6] = dr[4];
    c.dr[7] = dr[5];
    c.gdtBase = s.gdtr().base();
    c.gdtLimit = s.gdtr().limit();
    c.idtBase = s.idtr().base();
    c.idtLimit = s.idtr().limit();
    c.flagsRest = s.rflags() & Cr.RFLAGS_REST;
    c.setArithmeticFlags(s.rflags());
    // As in VMX, the privilege level is the DPL of SS.
    c.cpl = Segments.dpl(s.segments().get(DecodeContext.SS).attributes());
    for (int seg = 0; seg <= DecodeContext.GS; seg++) {
      set(c, seg, s.segments().get(seg));
    }
    set(c, SoftCpu.LDTR, s.ldtr());
    set(c, SoftCpu.TR, s.tr());
    FxImage.fromBytes(c, s.fxsave());
    c.activity = s.activity();
    c.interruptShadow = s.interruptShadow();
    c.nmiBlocked = s.nmiBlocked();
    if ((c.cr0 & Cr.PG) != 0
        && (c.cr4 & Cr.PAE) != 0
        && !c.longMode()
        && !c.mmu.walk.loadPdptes(c.cr3)) {
      throw bad("its PAE page-directory pointers in RAM are malformed");
    }
    c.segments.computeAllBounds();
    c.blocks.clear();
    c.mmu.flushAll();
    c.updateMode();
    c.attention = true;
  }

  private static void set(SoftCpu c, int seg, VcpuState.Segment s) {
    c.segments.set(seg, s.selector(), s.base(), s.limit() & 0xFFFF_FFFFL, s.attributes());
  }

  private static void check(VcpuState s) {
    if (s.gpr().length != 16 || s.segments().size() != 6 || s.debug().length != 6) {
      throw bad("a register file has the wrong size");
    }
    VcpuState.Control control = s.control();
    if ((control.cr0() & ~Cr.CR0_DEFINED) != 0
        || (control.cr0() & Cr.PG) != 0 && (control.cr0() & Cr.PE) == 0
        || (control.cr4() & ~Cr.CR4_SUPPORTED) != 0
        || control.cr3() >>> Cr.PHYSICAL_BITS != 0
        || control.cr8() >>> 4 != 0) {
      throw bad("a control register has bits that the soft CPU has not");
    }
    long efer = s.msrs().getOrDefault(0xC000_0080, 0L);
    if ((efer & ~Cr.EFER_SUPPORTED) != 0) {
      throw bad("EFER has bits that the soft CPU has not");
    }
    if ((efer & Cr.LMA) != 0
        && ((control.cr0() & Cr.PG) == 0
            || (control.cr4() & Cr.PAE) == 0
            || (efer & Cr.LME) == 0)) {
      throw bad("long mode is active without paging");
    }
  }

  private static CpuException bad(String what) {
    return new CpuException(
        CpuException.Code.BAD_STATE, "the vCPU's state cannot be restored: " + what);
  }
}
