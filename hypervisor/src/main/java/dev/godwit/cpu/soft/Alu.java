package dev.godwit.cpu.soft;

/**
 * Binary and unary integer arithmetic: each method computes the result, sets the flags of {@link
 * SoftCpu} and returns the result sign-extended from {@code bits} (8, 16, 32 or 64; a constant
 * wherever speed matters).
 *
 * <p>Operands may be any extension of values of that width. SDM vol. 2, the instruction's "Flags
 * Affected"; flags that the manual leaves undefined are as AMD's and Intel's processors set them
 * (AF of a logic operation is 0).
 */
final class Alu {
  // In the order of the opcodes 00–3F and of ModRM.reg of 80–83.
  static final int ADD = 0;
  static final int OR = 1;
  static final int ADC = 2;
  static final int SBB = 3;
  static final int AND = 4;
  static final int SUB = 5;
  static final int XOR = 6;
  static final int CMP = 7;

  private static final long TOP_TWO = 0xC000_0000_0000_0000L;

  private Alu() {}

  static long signExtend(long value, int bits) {
    return value << (64 - bits) >> (64 - bits);
  }

  static long zeroExtend(long value, int bits) {
    return value << (64 - bits) >>> (64 - bits);
  }

  static long add(SoftCpu c, long a, long b, int bits) {
    long result = signExtend(a + b, bits);
    c.flagResult = result;
    c.flagAux = Flags.auxOfAdd(a, b, result, bits);
    return result;
  }

  static long adc(SoftCpu c, long a, long b, int bits) {
    long result = signExtend(a + b + (c.flagAux >>> 63), bits);
    c.flagResult = result;
    c.flagAux = Flags.auxOfAdd(a, b, result, bits);
    return result;
  }

  static long sub(SoftCpu c, long a, long b, int bits) {
    long result = signExtend(a - b, bits);
    c.flagResult = result;
    c.flagAux = Flags.auxOfSub(a, b, result, bits);
    return result;
  }

  static long sbb(SoftCpu c, long a, long b, int bits) {
    long result = signExtend(a - b - (c.flagAux >>> 63), bits);
    c.flagResult = result;
    c.flagAux = Flags.auxOfSub(a, b, result, bits);
    return result;
  }

  static long and(SoftCpu c, long a, long b, int bits) {
    return logic(c, signExtend(a & b, bits));
  }

  static long or(SoftCpu c, long a, long b, int bits) {
    return logic(c, signExtend(a | b, bits));
  }

  static long xor(SoftCpu c, long a, long b, int bits) {
    return logic(c, signExtend(a ^ b, bits));
  }

  /** Sets the flags of a logic operation with that sign-extended result. */
  static long logic(SoftCpu c, long result) {
    c.flagResult = result;
    c.flagAux = 0;
    return result;
  }

  /** Applies one of the eight operations; {@link #CMP} returns {@code a} unchanged. */
  static long apply(int operation, SoftCpu c, long a, long b, int bits) {
    return switch (operation) {
      case ADD -> add(c, a, b, bits);
      case OR -> or(c, a, b, bits);
      case ADC -> adc(c, a, b, bits);
      case SBB -> sbb(c, a, b, bits);
      case AND -> and(c, a, b, bits);
      case SUB -> sub(c, a, b, bits);
      case XOR -> xor(c, a, b, bits);
      default -> {
        sub(c, a, b, bits);
        yield a;
      }
    };
  }

  static long inc(SoftCpu c, long a, int bits) {
    long result = signExtend(a + 1, bits);
    c.flagResult = result;
    c.flagAux = Flags.keepCarry(Flags.auxOfAdd(a, 1, result, bits), c.flagAux);
    return result;
  }

  static long dec(SoftCpu c, long a, int bits) {
    long result = signExtend(a - 1, bits);
    c.flagResult = result;
    c.flagAux = Flags.keepCarry(Flags.auxOfSub(a, 1, result, bits), c.flagAux);
    return result;
  }

  static long neg(SoftCpu c, long a, int bits) {
    return sub(c, 0, a, bits);
  }

  /** Sets CF and OF, leaving the other four flags. */
  static void setCarryAndOverflow(SoftCpu c, boolean cf, boolean of) {
    c.flagAux = Flags.withCarryAndOverflow(c.flagAux, cf, of);
  }

  /** Sets CF, leaving the other five flags. */
  static void setCarry(SoftCpu c, boolean cf) {
    if (cf != Flags.cf(c.flagAux)) {
      c.flagAux ^= TOP_TWO;
    }
  }

  /** Sets ZF, leaving the other five flags. */
  static void setZero(SoftCpu c, boolean zf) {
    if (zf != Flags.zf(c.flagResult)) {
      c.setArithmeticFlags(c.rflags() ^ Flags.ZF);
    }
  }
}
