package dev.godwit.cpu.soft;

/**
 * An exception of the guest (SDM vol. 3A ch. 6), thrown from inside an instruction to the run loop.
 * Has no stack trace: page faults are frequent.
 */
final class GuestFault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  static final int DE = 0;
  static final int DB = 1;
  static final int NMI = 2;
  static final int BP = 3;
  static final int OF = 4;
  static final int BR = 5;
  static final int UD = 6;
  static final int NM = 7;
  static final int DF = 8;
  static final int TS = 10;
  static final int NP = 11;
  static final int SS = 12;
  static final int GP = 13;
  static final int PF = 14;
  static final int MF = 16;
  static final int AC = 17;
  static final int XM = 19;

  final int vector;
  final int errorCode;

  /** For {@link #PF}: the linear address for CR2. */
  final long address;

  private GuestFault(int vector, int errorCode, long address) {
    super(null, null, false, false);
    this.vector = vector;
    this.errorCode = errorCode;
    this.address = address;
  }

  /** A fault without an error code, or with error code 0 where its vector has one. */
  static GuestFault of(int vector) {
    return new GuestFault(vector, 0, 0);
  }

  /** A fault with an error code, such as a selector. */
  static GuestFault of(int vector, int errorCode) {
    return new GuestFault(vector, errorCode, 0);
  }

  /** A page fault; {@code errorCode} as in SDM vol. 3A 4.7. */
  static GuestFault page(long address, int errorCode) {
    return new GuestFault(PF, errorCode, address);
  }

  /** Says whether the vector pushes an error code. */
  boolean hasErrorCode() {
    return vector == DF || vector >= TS && vector <= PF || vector == AC;
  }

  @Override
  public String getMessage() {
    return "vector "
        + vector
        + " error 0x"
        + Integer.toHexString(errorCode)
        + " address 0x"
        + Long.toHexString(address);
  }
}
