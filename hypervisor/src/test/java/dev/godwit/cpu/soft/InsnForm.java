package dev.godwit.cpu.soft;

import dev.godwit.cpu.oracle.OracleCase;
import java.util.random.RandomGenerator;

/**
 * One encoding of an integer instruction, from which random cases are made: prefixes, operands,
 * registers, flags and memory vary, the opcode does not.
 *
 * @param name what failures call it
 * @param opcode the opcode's bytes, without prefixes but for a mandatory one in front
 * @param modrm none, or what ModRM.reg holds: an opcode extension 0–7 or {@link #REGISTER}
 * @param operands what ModRM.rm may be
 * @param widths which operand sizes: a sum of 1, 2, 4, 8 (1 stands for "fixed by the opcode")
 * @param imm bytes of the immediate; {@link #IMM_Z} for 2 or 4 by operand size, {@link #IMM_V} for
 *     up to 8
 * @param undefined flags that the manual leaves undefined, not compared
 * @param traits further properties, a sum
 */
record InsnForm(
    String name,
    int[] opcode,
    int modrm,
    Operands operands,
    int widths,
    int imm,
    int undefined,
    int traits) {
  static final int NO_MODRM = -1;
  static final int REGISTER = 8;
  static final int IMM_Z = -1;
  static final int IMM_V = -2;

  /** LOCK may precede the memory form. */
  static final int LOCK = 1;

  /** A string instruction: RSI and RDI point to memory, RCX is small; REP prefixes are drawn. */
  static final int STRING = 2;

  /** RSP points to memory. */
  static final int STACK = 4;

  /** The register of the bit index is kept small enough for the window. */
  static final int BIT_STRING = 8;

  /** The low register bits of the opcode are drawn, with REX.B. */
  static final int OPCODE_REG = 16;

  /** RBX points to memory (XLAT), or an absolute address follows (MOV moffs). */
  static final int TABLE = 32;

  static final int MOFFS = 64;

  /** The divisor is often near the dividend's upper half, so that quotients fit. */
  static final int DIVISION = 128;

  /** RBP points to memory. */
  static final int FRAME = 256;

  /** RAX (and RDX) often equal what memory holds. */
  static final int COMPARES = 512;

  /** The operand size prefix is not drawn with 64-bit operands. */
  static final int BRANCH = 1024;

  /** The memory operand is aligned to 16 bytes mostly. */
  static final int WIDE = 2048;

  /** The operand, or the top of the stack, mostly is the address of an INT3 in the code page. */
  static final int RETURNS = 4096;

  /** The immediate is a count of 0–16: more leave the result of a 16-bit double shift undefined. */
  static final int SHORT_COUNT = 8192;

  /** Never at the page's edge: processors differ in what a fault there leaves. */
  static final int INSIDE = 16384;

  /** Reads memory at RSI and at RDI: where both fault, processors differ in which they name. */
  static final int TWO_READS = 32768;

  enum Operands {
    REGISTER_OR_MEMORY,
    REGISTER,
    MEMORY
  }

  boolean has(int trait) {
    return (traits & trait) != 0;
  }

  /** Makes a case for 64-bit or 32-bit mode. */
  OracleCase draw(RandomGenerator random, boolean longMode) {
    return new CaseDraw(this, random, longMode).make();
  }
}
