package dev.godwit.cpu.soft;

/**
 * An SSE instruction without a node class of its own: the checks that all make, and what it does.
 */
final class SseInsn extends Insn {
  /** What an instruction does after its checks; throws before it has changed anything. */
  @FunctionalInterface
  interface Action {
    void run(SoftCpu c);
  }

  private final Action action;

  SseInsn(DecodeContext d, Action action) {
    super(d);
    this.action = action;
  }

  @Override
  void execute(SoftCpu c) {
    Sse.check(c);
    action.run(c);
  }
}
