package dev.godwit.cpu.soft;

/**
 * The arithmetic flags, computed lazily from two longs that every arithmetic instruction leaves in
 * {@link SoftCpu}.
 *
 * <ul>
 *   <li>{@code flagResult}: the result, sign-extended to 64 bits. ZF is {@code flagResult == 0}, SF
 *       its sign bit (XOR bit 0 of {@code flagAux}), PF the parity of its low byte (XOR bits 8–15
 *       of {@code flagAux}).
 *   <li>{@code flagAux}: bit 63 is CF, bit 63 XOR bit 62 is OF, bit 3 is AF; bit 0 inverts SF and
 *       bits 8–15 are XORed to the byte of PF, so that any combination of flags can be loaded
 *       (POPF, SAHF).
 * </ul>
 *
 * <p>For an addition the vector of carries out of each bit, moved so that the operand's top bit
 * comes to bit 63, has CF and OF in just these places; for a subtraction the vector of borrows. So
 * setting flags takes a few logic operations, reading one takes one or two, and nothing remembers
 * which instruction it was. A translator keeps both in locals.
 */
final class Flags {
  static final int CF = 1;
  static final int PF = 4;
  static final int AF = 0x10;
  static final int ZF = 0x40;
  static final int SF = 0x80;
  static final int TF = 0x100;
  static final int IF = 0x200;
  static final int DF = 0x400;
  static final int OF = 0x800;
  static final int IOPL = 0x3000;
  static final int NT = 0x4000;
  static final int RF = 0x10000;
  static final int VM = 0x20000;
  static final int AC = 0x40000;
  static final int VIF = 0x80000;
  static final int VIP = 0x100000;
  static final int ID = 0x200000;

  /** The six flags that are kept lazily. */
  static final int ARITHMETIC = CF | PF | AF | ZF | SF | OF;

  private static final long TOP_TWO = 0xC000_0000_0000_0000L;

  private Flags() {}

  /**
   * Returns {@code flagAux} of a + b = result, all three any extension of {@code bits} (8, 16, 32,
   * 64) wide values.
   */
  static long auxOfAdd(long a, long b, long result, int bits) {
    return placed((a & b) | ((a | b) & ~result), bits);
  }

  /** Returns {@code flagAux} of a - b = result (also with a borrow in). */
  static long auxOfSub(long a, long b, long result, int bits) {
    return placed((~a & b) | ((~a | b) & result), bits);
  }

  /** Moves the carries or borrows out of each bit to where {@code flagAux} has CF, OF and AF. */
  private static long placed(long carries, int bits) {
    return (carries << (64 - bits)) & TOP_TWO | carries & 8;
  }

  /**
   * Gives {@code aux} the carry of {@code old}, its sign bit, leaving its overflow (the XOR of the
   * top two bits) as it is.
   */
  static long keepCarry(long aux, long old) {
    return aux ^ (((aux ^ old) >> 63) & TOP_TWO);
  }

  /**
   * Returns {@code flagAux} with these CF, OF and AF, for instructions that compute them by
   * themselves.
   */
  static long aux(boolean cf, boolean of, boolean af) {
    return (cf ? 1L << 63 : 0) | (cf ^ of ? 1L << 62 : 0) | (af ? 8 : 0);
  }

  /** Returns {@code aux} with these CF and OF, the other flags as they are. */
  static long withCarryAndOverflow(long aux, boolean cf, boolean of) {
    return aux & ~TOP_TWO | aux(cf, of, false);
  }

  static boolean cf(long aux) {
    return aux < 0;
  }

  static boolean of(long aux) {
    return (aux ^ (aux << 1)) < 0;
  }

  static boolean af(long aux) {
    return (aux & 8) != 0;
  }

  static boolean zf(long result) {
    return result == 0;
  }

  static boolean sf(long result, long aux) {
    return (result ^ (aux << 63)) < 0;
  }

  /** Signed less: SF differs from OF. */
  static boolean less(long result, long aux) {
    return (result ^ (aux << 63) ^ aux ^ (aux << 1)) < 0;
  }

  static boolean pf(long result, long aux) {
    return (Integer.bitCount((int) (result ^ (aux >>> 8)) & 0xFF) & 1) == 0;
  }

  /** Returns the six flags in their RFLAGS positions. */
  static int toRflags(long result, long aux) {
    return (cf(aux) ? CF : 0)
        | (pf(result, aux) ? PF : 0)
        | (af(aux) ? AF : 0)
        | (zf(result) ? ZF : 0)
        | (sf(result, aux) ? SF : 0)
        | (of(aux) ? OF : 0);
  }

  /** Returns a {@code flagResult} for RFLAGS bits; goes with {@link #auxFromRflags}. */
  static long resultFromRflags(long rflags) {
    return (rflags & ZF) != 0 ? 0 : 1;
  }

  /** Returns a {@code flagAux} for RFLAGS bits; goes with {@link #resultFromRflags}. */
  static long auxFromRflags(long rflags) {
    long aux = aux((rflags & CF) != 0, (rflags & OF) != 0, (rflags & AF) != 0);
    boolean sf = (rflags & SF) != 0;
    boolean naturalPf = (rflags & ZF) != 0; // byte 0 has even parity, byte 1 odd
    boolean pf = (rflags & PF) != 0;
    return aux | (sf ? 1 : 0) | (pf != naturalPf ? 0x100 : 0);
  }

  /** Evaluates a condition code as encoded in Jcc, SETcc and CMOVcc (SDM vol. 2 B.1.4.7), 0–15. */
  static boolean condition(int code, long result, long aux) {
    boolean value =
        switch (code >>> 1) {
          case 0 -> of(aux);
          case 1 -> cf(aux);
          case 2 -> zf(result);
          case 3 -> cf(aux) || zf(result);
          case 4 -> sf(result, aux);
          case 5 -> pf(result, aux);
          case 6 -> less(result, aux);
          default -> zf(result) || less(result, aux);
        };
    return value ^ (code & 1) != 0;
  }
}
