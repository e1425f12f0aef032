package dev.godwit.cpu.soft;

import org.jspecify.annotations.Nullable;

/**
 * Decodes MMX and SSE to SSE4.2 (SDM vol. 2 A.3), FXSAVE and its group, prefetches and fences.
 *
 * <p>An opcode 0F xx has up to four meanings, chosen by its mandatory prefix; F2 and F3 win over
 * 66.
 */
final class SimdOpcodes {
  static final int NONE = 0;
  static final int P66 = 1;
  static final int PF3 = 2;
  static final int PF2 = 3;

  private SimdOpcodes() {}

  /** Returns the node of a SIMD instruction, or null if the opcode is none. */
  static @Nullable Insn decode(DecodeContext d) {
    if (d.map() == 0 || d.hasLock()) {
      return null;
    }
    int prefix = prefix(d);
    if (!d.model().hasLaterSse() && (d.map() > 1 || isSse3(d.opcode(), prefix))) {
      return null;
    }
    if (d.map() > 1) {
      return d.map() == 2 ? Simd0F38.decode(d, prefix) : Simd0F3A.decode(d, prefix);
    }
    return switch (d.opcode()) {
      case 0x12, 0x16 -> prefix <= P66 ? SimdMoves.decode(d, prefix) : SimdSse3.decode(d, prefix);
      case 0x7C, 0x7D, 0xD0, 0xF0 -> SimdSse3.decode(d, prefix);
      case 0x10, 0x11, 0x13, 0x17, 0x28, 0x29, 0x2B -> SimdMoves.decode(d, prefix);
      case 0x14, 0x15 -> SimdFloat.decode(d, prefix);
      case 0x2A, 0x2C, 0x2D, 0x5A, 0x5B, 0xE6 -> SimdConvert.decode(d, prefix);
      case 0x2E, 0x2F -> SimdFloat.decode(d, prefix);
      case 0x50, 0x6E, 0x6F, 0x70, 0x7E, 0x7F -> SimdMoves.decode(d, prefix);
      case 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0xC2 ->
          SimdFloat.decode(d, prefix);
      case 0xC4, 0xC5, 0xC6, 0xD6, 0xD7, 0xE7, 0xF7 -> SimdMoves.decode(d, prefix);
      case 0x77, 0xAE -> SimdState.decode(d, prefix);
      default -> isInteger(d.opcode()) ? SimdInteger.decode(d, prefix) : null;
    };
  }

  /** SSE3 is scattered over the map 0F. */
  private static boolean isSse3(int opcode, int prefix) {
    return switch (opcode) {
      case 0x12, 0x16 -> prefix > P66;
      case 0x7C, 0x7D, 0xD0, 0xF0 -> true;
      default -> false;
    };
  }

  private static boolean isInteger(int opcode) {
    return opcode >= 0x60 && opcode <= 0x76 || opcode >= 0xD1 && opcode <= 0xFE && opcode != 0xF0;
  }

  private static int prefix(DecodeContext d) {
    return switch (d.rep()) {
      case 0xF3 -> PF3;
      case 0xF2 -> PF2;
      default -> d.hasOperandPrefix() ? P66 : NONE;
    };
  }
}
