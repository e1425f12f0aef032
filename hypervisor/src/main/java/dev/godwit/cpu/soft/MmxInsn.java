package dev.godwit.cpu.soft;

/**
 * An MMX instruction: checks, does its work, and leaves the x87 in MMX state: TOP 0, all registers
 * in use (SDM vol. 3A 12.2).
 */
final class MmxInsn extends Insn {
  private final SseInsn.Action action;

  MmxInsn(DecodeContext d, SseInsn.Action action) {
    super(d);
    this.action = action;
  }

  @Override
  void execute(SoftCpu c) {
    Sse.checkMmx(c);
    action.run(c);
    c.x87.enterMmx();
  }
}
