package dev.godwit.cpu.soft.fpu;

/** Condition code bits of the x87 status word (SDM vol. 1 8.1.3). */
public final class X87Conditions {
  public static final int C0 = 1 << 8;
  public static final int C1 = 1 << 9;
  public static final int C2 = 1 << 10;
  public static final int C3 = 1 << 14;

  /** What a comparison with a NaN sets. */
  public static final int UNORDERED = C0 | C2 | C3;

  private X87Conditions() {}
}
