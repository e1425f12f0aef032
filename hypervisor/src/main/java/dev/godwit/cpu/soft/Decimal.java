package dev.godwit.cpu.soft;

/**
 * Arithmetic on binary coded decimals, legacy modes only (SDM vol. 2, AAA, AAD, AAM, AAS, DAA,
 * DAS).
 */
final class Decimal {
  private static final int RAX = 0;

  private Decimal() {}

  private static int al(SoftCpu c) {
    return (int) c.regs[RAX] & 0xFF;
  }

  private static int ax(SoftCpu c) {
    return (int) c.regs[RAX] & 0xFFFF;
  }

  private static void setAx(SoftCpu c, int value) {
    c.regs[RAX] = c.regs[RAX] & ~0xFFFFL | value & 0xFFFF;
  }

  private static void setAl(SoftCpu c, int value) {
    c.regs[RAX] = c.regs[RAX] & ~0xFFL | value & 0xFF;
  }

  /** Sets SF, ZF, PF by AL, and CF and AF; OF, undefined, is cleared. */
  private static void setFlags(SoftCpu c, boolean cf, boolean af) {
    c.flagResult = (byte) al(c);
    c.flagAux = Flags.aux(cf, false, af);
  }

  /** DAA ({@code sign} 1) and DAS ({@code sign} -1). */
  static void adjustPacked(SoftCpu c, int sign) {
    int al = al(c);
    boolean carry = Flags.cf(c.flagAux);
    boolean af = (al & 15) > 9 || Flags.af(c.flagAux);
    boolean cf = al > 0x99 || carry;
    int result = al;
    boolean borrow = false;
    if (af) {
      result += 6 * sign;
      borrow = sign < 0 && al < 6;
    }
    if (cf) {
      result += 0x60 * sign;
    }
    setAl(c, result);
    setFlags(c, cf || borrow, af);
  }

  /** AAA ({@code sign} 1) and AAS ({@code sign} -1). */
  static void adjustUnpacked(SoftCpu c, int sign) {
    boolean adjust = (al(c) & 15) > 9 || Flags.af(c.flagAux);
    if (adjust) {
      setAx(c, ax(c) + 0x106 * sign);
    }
    setAl(c, al(c) & 15);
    setFlags(c, adjust, adjust);
  }

  /** AAM with any base; raises #DE for base 0. */
  static void aam(SoftCpu c, int base) {
    if (base == 0) {
      throw GuestFault.of(GuestFault.DE);
    }
    int al = al(c);
    setAx(c, al / base << 8 | al % base);
    setFlags(c, false, false);
  }

  /** AAD with any base. */
  static void aad(SoftCpu c, int base) {
    int ax = ax(c);
    setAx(c, (ax & 0xFF) + (ax >> 8) * base & 0xFF);
    setFlags(c, false, false);
  }
}
