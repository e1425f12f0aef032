package dev.godwit.e2e.oracle;

/** Finds the opcode in an instruction's bytes. */
final class InsnBytes {
  private InsnBytes() {}

  private static int opcodeAt(byte[] insn) {
    int i = 0;
    while (i < insn.length && new Opcode(0, insn[i] & 0xFF).isPrefix(false) && insn[i] != 0x0F) {
      i++;
    }
    return i < insn.length - 1 && (insn[i] & 0xF0) == 0x40 ? i + 1 : i;
  }

  /** Returns the opcode: one byte, or 0Fxx, 0F38xx, 0F3Axx; -1 if there is none. */
  static int opcode(byte[] insn) {
    int i = opcodeAt(insn);
    if (i >= insn.length) {
      return -1;
    }
    int first = insn[i] & 0xFF;
    if (first != 0x0F || i + 1 >= insn.length) {
      return first;
    }
    int second = insn[i + 1] & 0xFF;
    boolean third = (second == 0x38 || second == 0x3A) && i + 2 < insn.length;
    return third ? 0x0F_0000 | second << 8 | insn[i + 2] & 0xFF : 0x0F00 | second;
  }

  /** Whether TCG reports old flags if the instruction faults: SETcc, LAR, LSL, repeated I/O. */
  static boolean leavesStaleFlags(byte[] insn) {
    int opcode = opcode(insn);
    return (opcode & ~15) == 0x0F90 || opcode == 0x0F02 || opcode == 0x0F03 || isRepeatedIo(insn);
  }

  /** Whether it computes with floating-point numbers: then it is a NaN that NaNs give. */
  static boolean isFloat(byte[] insn) {
    int opcode = opcode(insn);
    return opcode == 0x0F51
        || opcode >= 0x0F58 && opcode <= 0x0F5F
        || opcode == 0x0FC2
        || opcode == 0x0F7C
        || opcode == 0x0F7D
        || opcode == 0x0FD0
        || opcode >= 0x0F_3A08 && opcode <= 0x0F_3A0B
        || opcode == 0x0F_3A40
        || opcode == 0x0F_3A41;
  }

  /** RETF and IRET. */
  static boolean isFarReturn(byte[] insn) {
    int opcode = opcode(insn);
    return opcode == 0xCA || opcode == 0xCB || opcode == 0xCF;
  }

  /** PUNPCKLBW, PUNPCKLWD, PUNPCKLDQ. */
  static boolean isMmxLow(byte[] insn) {
    int opcode = opcode(insn);
    return opcode >= 0x0F60 && opcode <= 0x0F62;
  }

  /** Whether it is INS or OUTS with a REP prefix. */
  static boolean isRepeatedIo(byte[] insn) {
    return isRepeated(insn) && (opcode(insn) & ~3) == 0x6C;
  }

  /** Whether it is CMPS or SCAS with a REP prefix. */
  static boolean isRepeatedComparison(byte[] insn) {
    return isRepeated(insn) && (opcode(insn) & 0xF6) == 0xA6 && opcode(insn) <= 0xFF;
  }

  private static boolean isRepeated(byte[] insn) {
    boolean repeated = false;
    for (int i = 0; i < opcodeAt(insn) && i < insn.length; i++) {
      repeated |= (insn[i] & 0xFE) == 0xF2;
    }
    return repeated;
  }

  /** Whether it is an instruction of the SSE maps with an operand in memory. */
  static boolean isSseMemory(byte[] insn) {
    int opcode = opcode(insn);
    boolean longer = opcode > 0xFFFF;
    int low = opcode & 0xFF;
    boolean sse =
        longer
            || opcode > 0xFF
                && (low >= 0x10 && low <= 0x17
                    || low >= 0x28 && low <= 0x2F
                    || low >= 0x50 && low <= 0x7F
                    || low == 0xC2
                    || low >= 0xC6 && low <= 0xC6
                    || low >= 0xD0);
    int modrm = opcodeAt(insn) + (longer ? 3 : 2);
    return sse && modrm < insn.length && (insn[modrm] & 0xC0) != 0xC0;
  }
}
