package dev.godwit.cpu.oracle;

import java.nio.ByteBuffer;

/**
 * State after an {@link OracleCase} ran on the host's CPU.
 *
 * @param signal Linux signal that ended it: {@link #SIGTRAP} when it ran to an INT3, else a fault
 * @param vector x86 exception vector, as the kernel reports it. Linux says 0 for SIGFPE from
 *     anything but #MF (16) and #XM (19), and for #DE
 * @param errorCode of the exception
 * @param cr2 valid only for vector 14
 * @param rip of the INT3, or of the faulting instruction
 * @param gpr in encoding order
 * @param rflags with IF and, after a fault, RF set
 * @param changedOutside the data page was written outside the window
 * @param fx FXSAVE64 image; bytes from 416 on are zero. AMD leaves FOP, FIP and FDP zero unless an
 *     unmasked x87 exception is pending
 * @param mem the window of the data page
 */
public record OracleResult(
    int signal,
    int vector,
    long errorCode,
    long cr2,
    long rip,
    long[] gpr,
    long rflags,
    boolean changedOutside,
    ByteBuffer fx,
    byte[] mem) {
  public static final int SIGILL = 4;
  public static final int SIGTRAP = 5;
  public static final int SIGBUS = 7;
  public static final int SIGFPE = 8;
  public static final int SIGSEGV = 11;

  /** The case ran too long and was interrupted. */
  public static final int SIGALRM = 14;

  /** Whether the code ran to an INT3 without a fault. */
  public boolean completed() {
    return signal == SIGTRAP && vector == 3;
  }

  /** Returns the same with another CR2. */
  public OracleResult withCr2(long other) {
    return new OracleResult(
        signal, vector, errorCode, other, rip, gpr, rflags, changedOutside, fx, mem);
  }

  @Override
  public String toString() {
    StringBuilder s = new StringBuilder();
    s.append(
        String.format(
            "signal=%d vector=%d error=%x rip=%x rflags=%x outside=%b",
            signal, vector, errorCode, rip, rflags, changedOutside));
    appendState(s, gpr, fx);
    return appendMemory(s, mem).toString();
  }

  static void appendState(StringBuilder s, long[] gpr, ByteBuffer fx) {
    s.append("\n  gpr");
    for (long value : gpr) {
      s.append(String.format(" %x", value));
    }
    s.append(
        String.format(
            "\n  fcw=%04x fsw=%04x ftw=%02x mxcsr=%04x",
            fx.getShort(0), fx.getShort(2), fx.get(4), fx.getInt(24)));
    for (int i = 0; i < 8; i++) {
      s.append(
          String.format(" st%d=%04x:%016x", i, fx.getShort(40 + 16 * i), fx.getLong(32 + 16 * i)));
    }
    for (int i = 0; i < 16; i++) {
      s.append(
          String.format(" x%d=%016x_%016x", i, fx.getLong(168 + 16 * i), fx.getLong(160 + 16 * i)));
    }
  }

  static StringBuilder appendMemory(StringBuilder s, byte[] mem) {
    s.append("\n  mem");
    for (byte b : mem) {
      s.append(String.format(" %02x", b));
    }
    return s;
  }
}
