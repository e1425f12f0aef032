package dev.godwit.cpu.soft;

/**
 * An instruction that replaces its destination by a function of the old value: the generic form.
 */
abstract class Update extends Insn {
  final Place target;

  Update(DecodeContext d, Place target) {
    super(d);
    this.target = target;
  }

  /**
   * Returns the new value for the zero-extended old one and sets the flags. Changes no register:
   * with LOCK it is called again if another vCPU changed the operand in between.
   */
  abstract long compute(SoftCpu c, long old);

  /**
   * Writes the registers that the instruction changes besides its destination; no fault can come
   * any more.
   */
  void complete(SoftCpu c, long old) {}

  @Override
  void execute(SoftCpu c) {
    target.update(c, this);
  }
}
