package dev.godwit.cpu.soft;

/**
 * An instruction too rare for a node class of its own: its decoded operands are captured by an
 * action.
 */
final class SystemInsn extends Insn {
  /** What it does. RIP is already that of the next instruction; an action that branches sets it. */
  @FunctionalInterface
  interface Action {
    void run(SoftCpu c);
  }

  private final Action action;
  private final boolean ends;

  private SystemInsn(DecodeContext d, Action action, boolean ends) {
    super(d);
    this.action = action;
    this.ends = ends;
  }

  /** Makes one that may stand within a block. */
  static Insn plain(DecodeContext d, Action action) {
    return new SystemInsn(d, action, false);
  }

  /** Makes one that ends its block. */
  static Insn ending(DecodeContext d, Action action) {
    return new SystemInsn(d, action, true);
  }

  @Override
  void execute(SoftCpu c) {
    if (ends) {
      c.rip = nextRip;
    }
    action.run(c);
  }

  @Override
  boolean endsBlock() {
    return ends;
  }

  /** Raises #GP(0) unless CPL is 0. */
  static void requireSupervisor(SoftCpu c) {
    if (c.cpl != 0) {
      throw GuestFault.of(GuestFault.GP);
    }
  }

  /** Writes a register of 2, 4 or 8 bytes; 4 bytes zero-extend, 2 keep the rest. */
  static void setRegister(SoftCpu c, int register, int size, long value) {
    c.regs[register] =
        switch (size) {
          case 2 -> c.regs[register] & ~0xFFFFL | value & 0xFFFF;
          case 4 -> value & 0xFFFF_FFFFL;
          default -> value;
        };
  }

  /** Sets or clears ZF; the other flags stay. */
  static void setZero(SoftCpu c, boolean zero) {
    long flags = c.rflags();
    c.setArithmeticFlags(zero ? flags | Flags.ZF : flags & ~Flags.ZF);
  }
}
