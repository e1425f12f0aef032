package dev.godwit.e2e.oracle;

/**
 * An opcode as the generator needs to know it: what follows it, and what the manuals leave
 * undefined (SDM vol. 2, appendix A and each instruction's page).
 *
 * @param map 0: one byte, 1: after 0F, 2: after 0F 38, 3: after 0F 3A
 * @param code the byte in its map
 */
record Opcode(int map, int code) {
  static final int CF = 1;
  static final int PF = 4;
  static final int AF = 0x10;
  static final int ZF = 0x40;
  static final int SF = 0x80;
  static final int OF = 0x800;
  static final int ALL = CF | PF | AF | ZF | SF | OF;

  /** What follows opcode and ModRM. */
  enum Immediate {
    NONE,
    BYTE,
    WORD,
    /** 16 or 32 bits by operand size. */
    Z,
    /** 16, 32 or 64 bits by operand size. */
    FULL,
    /** An address by address size. */
    OFFSET,
    /** A far pointer. */
    FAR,
    /** ENTER's. */
    WORD_BYTE,
    /** A near branch's displacement of 8 bits. */
    SHORT,
    /** A near branch's displacement of 16 or 32 bits. */
    NEAR
  }

  boolean isPrefix(boolean longMode) {
    if (map != 0) {
      return false;
    }
    return switch (code) {
      case 0x0F, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, 0x66, 0x67, 0xF0, 0xF2, 0xF3 -> true;
      default -> longMode && code >> 4 == 4;
    };
  }

  boolean hasModrm(boolean longMode) {
    return switch (map) {
      case 0 -> oneByteModrm(longMode);
      case 1 -> twoByteModrm();
      default -> true;
    };
  }

  private boolean oneByteModrm(boolean longMode) {
    if (code < 0x40) {
      return (code & 7) < 4;
    }
    return switch (code) {
      case 0x62 -> true;
      case 0x63, 0x69, 0x6B, 0xC0, 0xC1, 0xC6, 0xC7, 0xD0, 0xD1, 0xD2, 0xD3 -> true;
      case 0xC4, 0xC5 -> true;
      case 0xF6, 0xF7, 0xFE, 0xFF -> true;
      case 0x82 -> !longMode;
      default -> code >> 4 == 8 || code >= 0xD8 && code <= 0xDF;
    };
  }

  private boolean twoByteModrm() {
    return switch (code) {
      case 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0E, 0x0F -> false;
      case 0x77, 0xA0, 0xA1, 0xA2, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA -> false;
      default -> {
        int row = code >> 4;
        yield row != 3
            && row != 8
            && !(row == 0xC && code >= 0xC8)
            && !(row == 2 && (code & 12) == 4);
      }
    };
  }

  Immediate immediate(int regField) {
    return switch (map) {
      case 0 -> oneByteImmediate(regField);
      case 1 ->
          switch (code) {
            case 0x70, 0x71, 0x72, 0x73, 0xA4, 0xAC, 0xBA, 0xC2, 0xC4, 0xC5, 0xC6 -> Immediate.BYTE;
            default -> code >> 4 == 8 ? Immediate.NEAR : Immediate.NONE;
          };
      case 2 -> Immediate.NONE;
      default -> Immediate.BYTE;
    };
  }

  private Immediate oneByteImmediate(int regField) {
    if (code < 0x40) {
      return (code & 7) == 4 ? Immediate.BYTE : (code & 7) == 5 ? Immediate.Z : Immediate.NONE;
    }
    return switch (code) {
      case 0x6A, 0x6B, 0x80, 0x82, 0x83, 0xA8, 0xC0, 0xC1, 0xC6, 0xCD, 0xD4, 0xD5 -> Immediate.BYTE;
      case 0xE4, 0xE5, 0xE6, 0xE7 -> Immediate.BYTE;
      case 0xE0, 0xE1, 0xE2, 0xE3, 0xEB -> Immediate.SHORT;
      case 0xE8, 0xE9 -> Immediate.NEAR;
      case 0x68, 0x69, 0x81, 0xA9, 0xC7 -> Immediate.Z;
      case 0xC2, 0xCA -> Immediate.WORD;
      case 0xC8 -> Immediate.WORD_BYTE;
      case 0x9A, 0xEA -> Immediate.FAR;
      case 0xA0, 0xA1, 0xA2, 0xA3 -> Immediate.OFFSET;
      case 0xF6 -> regField < 2 ? Immediate.BYTE : Immediate.NONE;
      case 0xF7 -> regField < 2 ? Immediate.Z : Immediate.NONE;
      default ->
          switch (code >> 4) {
            case 7 -> Immediate.SHORT;
            case 0xB -> code < 0xB8 ? Immediate.BYTE : Immediate.FULL;
            default -> Immediate.NONE;
          };
    };
  }

  /** Flags that are undefined after the instruction, for some operands at least. */
  int undefinedFlags(int regField) {
    return switch (map) {
      case 0 -> oneByteUndefined(regField);
      case 1 ->
          switch (code) {
            case 0xA3, 0xAB, 0xB3, 0xBB, 0xBA -> OF | SF | AF | PF;
            case 0xBC, 0xBD -> CF | OF | SF | AF | PF;
            case 0xA4, 0xAC, 0xA5, 0xAD -> AF | OF;
            case 0xAF -> SF | ZF | AF | PF;
            default -> 0;
          };
      default -> 0;
    };
  }

  private int oneByteUndefined(int regField) {
    if (code < 0x40 && (code & 7) < 6) {
      return logical(code >> 3) ? AF : 0;
    }
    return switch (code) {
      case 0x27, 0x2F -> OF;
      case 0x37, 0x3F -> OF | SF | ZF | PF;
      case 0x80, 0x81, 0x82, 0x83 -> logical(regField) ? AF : 0;
      case 0x84, 0x85, 0xA8, 0xA9 -> AF;
      case 0x69, 0x6B -> SF | ZF | AF | PF;
      case 0xC0, 0xC1, 0xD2, 0xD3 -> regField < 4 ? OF : AF | OF | CF;
      case 0xD0, 0xD1 -> regField < 4 ? 0 : AF;
      case 0xD4, 0xD5 -> OF | AF | CF;
      case 0xF6, 0xF7 ->
          switch (regField) {
            case 0, 1 -> AF;
            case 4, 5 -> SF | ZF | AF | PF;
            case 6, 7 -> ALL;
            default -> 0;
          };
      default -> 0;
    };
  }

  /** OR, AND, XOR. */
  private static boolean logical(int operation) {
    return operation == 1 || operation == 4 || operation == 6;
  }
}
