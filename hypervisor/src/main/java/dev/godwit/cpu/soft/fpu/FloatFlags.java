package dev.godwit.cpu.soft.fpu;

/**
 * Exception flags and rounding modes with the encoding that MXCSR and the x87 status and control
 * words share (SDM vol. 1 8.1.3, 8.1.5, 10.2.3).
 */
public final class FloatFlags {
  /** Invalid operation. */
  public static final int IE = 0x01;

  /** Denormal operand. */
  public static final int DE = 0x02;

  /** Division by zero. */
  public static final int ZE = 0x04;

  /** Overflow. */
  public static final int OE = 0x08;

  /** Underflow. */
  public static final int UE = 0x10;

  /** Inexact result. */
  public static final int PE = 0x20;

  /** All six. */
  public static final int ALL = 0x3F;

  /** Exceptions found before there is a result; an unmasked one leaves the destination alone. */
  public static final int BEFORE_RESULT = IE | DE | ZE;

  /** Round to nearest, ties to even. */
  public static final int NEAREST = 0;

  /** Round towards minus infinity. */
  public static final int DOWN = 1;

  /** Round towards plus infinity. */
  public static final int UP = 2;

  /** Round towards zero. */
  public static final int TRUNCATE = 3;

  private FloatFlags() {}
}
