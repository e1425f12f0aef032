package dev.godwit.cpu;

import java.util.List;
import java.util.SortedMap;

/**
 * A vCPU's architectural state at an instruction boundary, the same for every engine.
 *
 * @param gpr RAX RCX RDX RBX RSP RBP RSI RDI R8…R15, in encoding order
 * @param rip offset of the next instruction in CS
 * @param rflags all of RFLAGS
 * @param segments ES CS SS DS FS GS, in encoding order, with their hidden parts
 * @param ldtr local descriptor table register
 * @param tr task register
 * @param gdtr global descriptor table
 * @param idtr interrupt descriptor table
 * @param control CR0, CR2, CR3, CR4 and CR8
 * @param debug DR0–DR3, DR6, DR7
 * @param msrs model-specific registers by number, EFER included; the TSC is not here: it follows
 *     from the machine's clock and IA32_TSC_ADJUST
 * @param fxsave the 512-byte FXSAVE64 image: x87, MXCSR, XMM0–15 (SDM vol. 1 table 10-2)
 * @param activity running, halted or waiting
 * @param interruptShadow true just after STI or MOV SS: no interrupt before the next instruction
 *     has finished
 * @param nmiBlocked true from an NMI's delivery to the next IRET
 */
public record VcpuState(
    long[] gpr,
    long rip,
    long rflags,
    List<Segment> segments,
    Segment ldtr,
    Segment tr,
    Table gdtr,
    Table idtr,
    Control control,
    long[] debug,
    SortedMap<Integer, Long> msrs,
    byte[] fxsave,
    Activity activity,
    boolean interruptShadow,
    boolean nmiBlocked) {

  /**
   * A segment register.
   *
   * @param selector visible part
   * @param base linear address
   * @param limit last valid offset, in bytes, granularity applied
   * @param attributes descriptor bits 40–55 moved to bits 0–15 (type, S, DPL, P, AVL, L, D/B, G),
   *     limit bits zero; bit 16 set when unusable, as in VMX
   */
  public record Segment(int selector, long base, int limit, int attributes) {}

  /**
   * GDTR or IDTR.
   *
   * @param base linear address
   * @param limit last valid offset, 0–65535
   */
  public record Table(long base, int limit) {}

  /** Control registers. */
  public record Control(long cr0, long cr2, long cr3, long cr4, long cr8) {}

  /** What the vCPU does between instructions. */
  public enum Activity {
    /** Executes. */
    RUNNING,
    /** After HLT: waits for an interrupt. */
    HALTED,
    /** After INIT: waits for a SIPI. */
    WAIT_FOR_SIPI,
    /** After a triple fault. */
    SHUTDOWN
  }
}
