package dev.godwit.cpu.soft;

import dev.godwit.cpu.soft.fpu.SseControl;
import dev.godwit.cpu.soft.fpu.SseConvert;
import dev.godwit.cpu.soft.fpu.SseDouble;
import dev.godwit.cpu.soft.fpu.SseSingle;

/**
 * MXCSR and the arithmetic behind the SSE instructions of one vCPU, and the checks that every MMX
 * and SSE instruction makes first (SDM vol. 3A 2.5, 14.1; vol. 2 2.7). The XMM registers themselves
 * are {@link SoftCpu#xmm}.
 */
final class Sse {
  private static final long CR0_EM = 1 << 2;
  private static final long CR0_TS = 1 << 3;
  private static final long CR4_OSFXSR = 1 << 9;
  private static final long CR4_OSXMMEXCPT = 1 << 10;

  final SseControl control = new SseControl();
  final SseDouble doubles = new SseDouble(control);
  final SseSingle singles = new SseSingle(control);
  final SseConvert convert = new SseConvert(control);

  /** Throws #UD or #NM if SSE instructions must not run now. */
  static void check(SoftCpu c) {
    if ((c.cr0 & (CR0_EM | CR0_TS) | ~c.cr4 & CR4_OSFXSR) != 0) {
      throw GuestFault.of(
          (c.cr0 & CR0_EM) != 0 || (c.cr4 & CR4_OSFXSR) == 0 ? GuestFault.UD : GuestFault.NM);
    }
  }

  /** Throws #UD, #NM or #MF if MMX instructions must not run now. */
  static void checkMmx(SoftCpu c) {
    if ((c.cr0 & (CR0_EM | CR0_TS)) != 0) {
      throw GuestFault.of((c.cr0 & CR0_EM) != 0 ? GuestFault.UD : GuestFault.NM);
    }
    c.x87.checkPending(c);
  }

  /** Returns the linear address of a 16-byte operand that is read; #GP(0) unless aligned. */
  static long alignedRead(SoftCpu c, MemOperand m) {
    long lin = m.forRead(c, 16);
    if ((lin & 15) != 0) {
      throw GuestFault.of(GuestFault.GP);
    }
    return lin;
  }

  /** Returns the linear address of a 16-byte operand that is written; #GP(0) unless aligned. */
  static long alignedWrite(SoftCpu c, MemOperand m) {
    long lin = m.forWrite(c, 16);
    if ((lin & 15) != 0) {
      throw GuestFault.of(GuestFault.GP);
    }
    return lin;
  }

  /**
   * Ends a floating-point instruction before its result is stored: throws #XM (or #UD) for an
   * unmasked exception.
   */
  void commit(SoftCpu c) {
    if (control.commit()) {
      throw GuestFault.of((c.cr4 & CR4_OSXMMEXCPT) != 0 ? GuestFault.XM : GuestFault.UD);
    }
  }

  /** Loads MXCSR; #GP(0) for reserved bits. */
  void load(int mxcsr) {
    if ((mxcsr & ~SseControl.VALID_BITS) != 0) {
      throw GuestFault.of(GuestFault.GP);
    }
    control.setMxcsr(mxcsr);
  }
}
