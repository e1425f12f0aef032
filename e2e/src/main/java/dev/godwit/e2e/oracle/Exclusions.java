package dev.godwit.e2e.oracle;

import dev.godwit.e2e.oracle.CaseGenerator.Operands;

/**
 * Which instructions cases are not made of, and why: because they would end or divert the run,
 * because their results are nobody's to compare, or because TCG is known not to do them as
 * processors do.
 */
final class Exclusions {
  private Exclusions() {}

  /** Whether the instruction can't be part of a case. */
  static boolean excluded(CpuMode mode, Operands o, byte[] bytes) {
    Opcode opcode = o.opcode();
    return privileged(mode, o)
        || unrepeatable(o)
        || diverts(mode, o)
        || unlike(mode, o)
        || opcode.map() == 0 && opcode.code() >= 0xD8 && opcode.code() <= 0xDF
        || mode.bits == 16 && o.address() && (mode == CpuMode.V86 || wideAddress(o))
        || opcode.map() == 0
            && (opcode.code() & ~1) == 0xC0
            && rotatesInFull(o, bytes[bytes.length - 1])
        // AAM's divisor is taken as signed.
        || opcode.map() == 0 && opcode.code() == 0xD4 && bytes[bytes.length - 1] < 0
        || mode.is64() && anotherSegment(bytes)
        || mode.bits == 16 && contains(bytes, 0x2E);
  }

  /** Whether what comes after the instruction would not be safe. */
  static boolean onlyLast(CpuMode mode, Operands o) {
    int code = o.opcode().code();
    boolean branch =
        switch (o.opcode().immediate(o.regField())) {
          case SHORT, NEAR -> true;
          default -> false;
        };
    boolean emms = o.opcode().map() == 1 && code == 0x77;
    return branch || emms || !mode.is64() && loadsSegment(o);
  }

  /** Where FS or GS is overridden by a segment that counts for nothing, TCG forgets it. */
  private static boolean anotherSegment(byte[] bytes) {
    return (contains(bytes, 0x64) || contains(bytes, 0x65))
        && (contains(bytes, 0x26) || contains(bytes, 0x36) || contains(bytes, 0x3E));
  }

  private static boolean contains(byte[] bytes, int prefix) {
    for (byte b : bytes) {
      if ((b & 0xFF) == prefix) {
        return true;
      }
    }
    return false;
  }

  private static boolean loadsStack(Operands o) {
    int code = o.opcode().code();
    return o.opcode().map() == 0 && (code == 0x17 || code == 0x8E && o.regField() == 2)
        || o.opcode().map() == 1 && code == 0xB2;
  }

  private static boolean loadsSegment(Operands o) {
    int code = o.opcode().code();
    return switch (o.opcode().map()) {
      case 0 -> code == 0x8E || code == 0xC4 || code == 0xC5 || code < 0x20 && (code & 7) == 7;
      case 1 -> code == 0xA1 || code == 0xA9 || code == 0xB2 || code == 0xB4 || code == 0xB5;
      default -> false;
    };
  }

  /** What a program of this level may do that would end the run or change its ground. */
  private static boolean privileged(CpuMode mode, Operands o) {
    if (mode.cpl == 3) {
      return false;
    }
    int code = o.opcode().code();
    if (mode == CpuMode.REAL && loadsStack(o)) {
      return true; // exceptions push on that stack
    }
    return switch (o.opcode().map()) {
      case 0 ->
          code == 0xF4
              || code >= 0x6C && code <= 0x6F
              || code >> 4 == 0xE && (code & 4) != 0 && (code & 8) == 0
              || code >= 0xEC && code <= 0xEF;
      case 1 ->
          switch (code) {
            case 0x00 -> o.regField() == 2 || o.regField() == 3; // LLDT, LTR
            case 0x01 ->
                o.regField() == 2 || o.regField() == 3 || o.regField() == 6 || o.modrm() >= 0xC0;
            case 0x07, 0x30, 0x32, 0x33, 0x22, 0x23 -> true;
            default -> false;
          };
      default -> false;
    };
  }

  /** Time, identity, randomness, approximations. */
  private static boolean unrepeatable(Operands o) {
    int code = o.opcode().code();
    if (o.opcode().map() != 1) {
      return false;
    }
    return switch (code) {
      case 0x31, 0xA2, 0x52, 0x53 -> true;
      case 0x01 -> o.modrm() == 0xF9; // RDTSCP
      case 0xC7 -> o.modrm() >= 0xC0; // RDRAND, RDSEED
      case 0xAE -> o.memory() && o.regField() < 2; // FXSAVE, FXRSTOR
      default -> o.operandBytes() == 2 && code >= 0xC8 && code <= 0xCF; // BSWAP of 16 bits
    };
  }

  /** Branches to where data may be executed. */
  private static boolean diverts(CpuMode mode, Operands o) {
    if (mode.noExecute() || o.opcode().map() != 0) {
      return false;
    }
    return switch (o.opcode().code()) {
      case 0xC2, 0xC3, 0xCA, 0xCB, 0xCF, 0x9A, 0xEA -> true;
      case 0xFF -> o.regField() >= 2 && o.regField() <= 5;
      default -> false;
    };
  }

  /** What some version of TCG does not do as processors do; other tests look at these. */
  private static boolean unlike(CpuMode mode, Operands o) {
    int code = o.opcode().code();
    boolean register = o.modrm() >= 0xC0;
    // Whether 66h counts for near branches in 64-bit mode is a matter of vendor.
    if (mode.is64() && o.operand() && isNearBranch(o)) {
      return true;
    }
    return switch (o.opcode().map()) {
      case 0 ->
          switch (code) {
            // REX.R becomes part of a segment register's number, and so do numbers 6 and 7.
            case 0x8C, 0x8E -> (o.rex() & 4) != 0 || o.regField() > 5 || o.regField() == 1;
            // AAM, AAD, SALC and INTO are executed in 64-bit mode.
            case 0xCE, 0xD4, 0xD5, 0xD6 -> mode.is64();
            // IRET of a program returns to virtual-8086 mode if the flags on its stack say so.
            case 0xCF -> o.operandBytes() == 4;
            // The second encoding of TEST raises #UD.
            case 0xF6, 0xF7 -> o.regField() == 1;
            default -> false;
          };
      case 1 ->
          switch (code) {
            // INVD and WBINVD are not privileged.
            case 0x08, 0x09 -> mode.cpl == 3;
            // Register forms that are no-operations raise #UD, or the other way around.
            case 0x0D, 0xE7, 0x12, 0x16 -> register;
            // SYSENTER and SYSEXIT raise #UD in real and virtual-8086 mode.
            case 0x34, 0x35 -> mode.realLike();
            // 3DNow!, which no model has, has a ModRM byte.
            case 0x0F -> true;
            // A prefix means nothing.
            case 0x77 -> o.prefixed();
            case 0xC3 -> o.prefixed();
            // MOVDQ2Q leaves the exponent field as it is.
            case 0xD6 -> o.rep() == 0xF2;
            // CLFLUSH does not fault.
            case 0xAE -> o.memory() && o.regField() == 7;
            // Prefixes count, and XSAVEC exists.
            case 0xC7 -> o.regField() != 1 || o.prefixed();
            default -> false;
          };
      // CRC32 takes 32 bits where the operand size is 16 without a prefix.
      case 2 -> mode.bits == 16 && (code == 0xF0 || code == 0xF1);
      default -> false;
    };
  }

  /** RCL and RCR by a multiple of the width and carry: TCG's result is zero. */
  private static boolean rotatesInFull(Operands o, int count) {
    int width = o.opcode().code() == 0xC0 ? 9 : 17;
    return o.regField() / 2 == 1 && (count & 31) % width == 0;
  }

  private static boolean isNearBranch(Operands o) {
    int code = o.opcode().code();
    return switch (o.opcode().immediate(o.regField())) {
      case SHORT, NEAR -> true;
      default ->
          o.opcode().map() == 0
              && (code == 0xC2
                  || code == 0xC3
                  || code == 0xFF && (o.regField() == 2 || o.regField() == 4));
    };
  }

  /** 32-bit addresses in 16-bit code, but for a plain base: sums may leave the segment. */
  private static boolean wideAddress(Operands o) {
    if (o.memory()) {
      return (o.modrm() & 7) == 4 || o.modrm() >> 6 == 2;
    }
    return false;
  }
}
