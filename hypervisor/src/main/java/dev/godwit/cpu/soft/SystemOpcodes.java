package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/** The place of a family of opcodes that has no nodes yet. */
final class SystemOpcodes {
  private SystemOpcodes() {}

  /** Returns null: no opcode is known. */
  static @Nullable Insn decode(DecodeContext d) {
    return null;
  }
}
