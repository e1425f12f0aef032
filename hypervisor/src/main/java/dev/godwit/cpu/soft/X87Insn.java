package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/**
 * An x87 instruction: which checks come first, what is remembered of it for exception handlers, and
 * what it does.
 *
 * <p>One class for all of them: they are rare enough that a call through {@link Action} does not
 * matter.
 */
final class X87Insn extends Insn {
  /** What an instruction does after its checks; throws before it has changed anything. */
  @FunctionalInterface
  interface Action {
    void run(SoftCpu c, X87 f);
  }

  /** What kind of instruction it is, as regards checks and pointers. */
  enum Kind {
    /** Raises pending exceptions and is remembered as the last instruction. */
    NUMERIC,
    /** Raises pending exceptions; not remembered: FLDCW, FLDENV, FRSTOR. */
    CONTROL,
    /** Does not look at pending exceptions: FNINIT, FNSTSW and the like. */
    NO_WAIT,
    /** WAIT itself, with its own condition for #NM. */
    WAIT
  }

  private final Kind kind;
  private final int opcode;
  private final @Nullable MemOperand memory;
  private final Action action;

  X87Insn(DecodeContext d, Kind kind, @Nullable MemOperand memory, Action action) {
    super(d);
    this.kind = kind;
    this.opcode = kind == Kind.NUMERIC ? (d.opcode() & 7) << 8 | d.modrm() : 0;
    this.memory = memory;
    this.action = action;
  }

  @Override
  void execute(SoftCpu c) {
    X87 f = c.x87;
    if (kind == Kind.WAIT) {
      X87.checkWait(c);
    } else {
      X87.checkAvailable(c);
    }
    if (kind != Kind.NO_WAIT) {
      f.checkPending(c);
    }
    action.run(c, f);
    if (kind == Kind.NUMERIC) {
      f.opcode = opcode;
      f.instructionPointer = rip;
      if (memory != null) {
        f.dataPointer = memory.offset(c);
      }
    }
  }
}
