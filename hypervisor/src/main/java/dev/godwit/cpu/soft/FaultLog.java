package dev.godwit.cpu.soft;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.HashSet;
import java.util.Set;

/**
 * What helps to find out why a guest went wrong.
 *
 * <p>{@code -Dgodwit.soft.trace=exceptions} logs every exception, {@code interrupts} every delivery
 * too, {@code blocks} keeps the last 64 block starts. A triple fault always tells the faults that
 * led to it and the registers.
 */
final class FaultLog {
  private static final Logger LOG = System.getLogger(FaultLog.class.getName());

  private static final String TRACE = System.getProperty("godwit.soft.trace", "");
  private static final boolean EXCEPTIONS =
      TRACE.contains("exceptions") || TRACE.contains("interrupts");
  private static final boolean INTERRUPTS = TRACE.contains("interrupts");

  /** Whether the run loop notes block starts. */
  static final boolean BLOCKS = TRACE.contains("blocks");

  private static final int RING = 64;
  private static final int FAULTS = 16;

  private final SoftCpu c;
  private final long[] starts = new long[RING];
  private int started;
  private final GuestFault[] faults = new GuestFault[FAULTS];
  private final long[] faultRips = new long[FAULTS];
  private int faulted;
  private final Set<String> undefined = new HashSet<>();

  FaultLog(SoftCpu c) {
    this.c = c;
  }

  /** Notes that a block starts. */
  void block(long rip) {
    starts[started++ & RING - 1] = rip;
  }

  /** Notes an exception that is about to be delivered. */
  void exception(GuestFault fault) {
    faults[faulted & FAULTS - 1] = fault;
    faultRips[faulted++ & FAULTS - 1] = c.rip;
    if (fault.vector == GuestFault.UD) {
      undefined();
    }
    if (EXCEPTIONS) {
      LOG.log(Level.INFO, "vcpu {0}: {1} at {2}", c.index, fault.getMessage(), registers());
    }
  }

  void deliver(int vector) {
    if (INTERRUPTS) {
      LOG.log(
          Level.INFO,
          "vcpu {0}: deliver {1} at rip 0x{2}",
          c.index,
          vector,
          Long.toHexString(c.rip));
    }
  }

  /** Tells once about each kind of instruction that raised #UD: it may be one that we lack. */
  private void undefined() {
    StringBuilder bytes = new StringBuilder();
    try {
      for (int i = 0; i < 12; i++) {
        bytes.append("%02x ".formatted(c.mmu.systemRead(c.codeBase() + c.rip + i, 1)));
      }
    } catch (GuestFault unreadable) {
      bytes.append("...");
    }
    String text = bytes.toString();
    boolean ud2 = text.startsWith("0f 0b");
    if (undefined.size() < 64 && undefined.add(text.substring(0, Math.min(8, text.length())))) {
      LOG.log(
          ud2 ? Level.DEBUG : Level.WARNING,
          "vcpu {0}: #UD at rip 0x{1} cpl {2}, {3} bits: {4}",
          c.index,
          Long.toHexString(c.rip),
          c.cpl,
          c.codeBits,
          text);
    }
  }

  /** Tells why the guest is about to be reset. */
  void tripleFault(GuestFault first, GuestFault last) {
    StringBuilder text = new StringBuilder(1000);
    text.append(
        "vcpu %d: triple fault: first %s, last %s%n"
            .formatted(c.index, first.getMessage(), last.getMessage()));
    text.append(registers()).append('\n');
    for (int i = Math.max(0, faulted - FAULTS); i < faulted; i++) {
      text.append(
          "  exception %s at rip 0x%x%n"
              .formatted(faults[i & FAULTS - 1].getMessage(), faultRips[i & FAULTS - 1]));
    }
    for (int i = Math.max(0, started - RING); i < started; i++) {
      text.append(" 0x%x".formatted(starts[i & RING - 1]));
    }
    LOG.log(Level.WARNING, text.toString());
  }

  /** Returns the registers as text. */
  String registers() {
    StringBuilder text = new StringBuilder(600);
    text.append(
        "rip 0x%x rflags 0x%x cpl %d %d bits".formatted(c.rip, c.rflags(), c.cpl, c.codeBits));
    String[] names = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
    for (int i = 0; i < 16; i++) {
      text.append(" r%s 0x%x".formatted(i < 8 ? names[i] : String.valueOf(i), c.regs[i]));
    }
    text.append(
        " cr0 0x%x cr2 0x%x cr3 0x%x cr4 0x%x efer 0x%x"
            .formatted(c.cr0, c.cr2, c.cr3, c.cr4, c.efer));
    String[] segments = {"es", "cs", "ss", "ds", "fs", "gs", "", "ldtr", "tr"};
    for (int i = 0; i < 9; i++) {
      if (i != DecodeContext.FLAT) {
        text.append(
            " %s 0x%x:0x%x+0x%x/0x%x"
                .formatted(
                    segments[i],
                    c.segSelector[i],
                    c.segBase[i],
                    c.segLimit[i],
                    c.segAttributes[i]));
      }
    }
    text.append(
        " gdt 0x%x+0x%x idt 0x%x+0x%x".formatted(c.gdtBase, c.gdtLimit, c.idtBase, c.idtLimit));
    return text.toString();
  }
}
