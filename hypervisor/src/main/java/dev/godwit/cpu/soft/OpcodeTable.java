package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/**
 * From opcode to node: asks the families one after the other; what none of them knows raises #UD.
 */
final class OpcodeTable {
  private OpcodeTable() {}

  /**
   * Decodes the instruction that {@code d} has begun.
   *
   * @throws GuestFault if reading its bytes faults, or it has too many
   */
  static Insn decode(DecodeContext d) {
    Insn insn = d.hasLock() && !allowsLock(d) ? null : find(d);
    if (insn == null) {
      insn = new MiscNodes.Undefined(d);
    }
    d.finish();
    return insn;
  }

  private static @Nullable Insn find(DecodeContext d) {
    Insn insn =
        d.map() == 0 ? IntegerOpcodes.decode(d) : d.map() == 1 ? IntegerOpcodes0F.decode(d) : null;
    if (insn == null) {
      insn = SystemOpcodes.decode(d);
    }
    if (insn == null) {
      insn = X87Opcodes.decode(d);
    }
    return insn == null ? SimdOpcodes.decode(d) : insn;
  }

  /**
   * Says whether the LOCK prefix is legal: a few read-modify-write instructions, and only on memory
   * (SDM vol. 2, LOCK).
   */
  private static boolean allowsLock(DecodeContext d) {
    int opcode = d.opcode();
    boolean allowed =
        switch (d.map()) {
          case 0 ->
              switch (opcode) {
                case 0x80, 0x81, 0x82, 0x83 -> d.regField() != Alu.CMP;
                case 0x86, 0x87 -> true;
                case 0xF6, 0xF7 -> d.regField() == 2 || d.regField() == 3;
                case 0xFE, 0xFF -> d.regField() < 2;
                default -> opcode < 0x38 && (opcode & 7) < 2;
              };
          case 1 ->
              switch (opcode) {
                case 0xAB, 0xB3, 0xBB, 0xB0, 0xB1, 0xC0, 0xC1 -> true;
                case 0xBA -> d.regField() > 4;
                case 0xC7 -> d.regField() == 1;
                default -> false;
              };
          default -> false;
        };
    return allowed && !d.isRegister();
  }
}
