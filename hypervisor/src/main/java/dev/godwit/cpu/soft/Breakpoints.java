package dev.godwit.cpu.soft;

/**
 * The debug registers' breakpoints (SDM vol. 3B 18.2). While any is enabled the run loop goes
 * instruction by instruction.
 */
final class Breakpoints {
  private static final int EXECUTE = 0;
  private static final int WRITE = 1;
  private static final int IO = 2;

  /** DR6: a single step. */
  static final long BS = 1 << 14;

  /** DR6: access to a debug register while DR7.GD was set. */
  static final long BD = 1 << 13;

  private Breakpoints() {}

  private static boolean enabled(long dr7, int i) {
    return (dr7 >>> 2 * i & 3) != 0;
  }

  private static int kind(long dr7, int i) {
    return (int) (dr7 >>> 16 + 4 * i) & 3;
  }

  private static int bytes(long dr7, int i) {
    return switch ((int) (dr7 >>> 18 + 4 * i) & 3) {
      case 0 -> 1;
      case 1 -> 2;
      case 2 -> 8;
      default -> 4;
    };
  }

  /** Says whether any breakpoint is enabled. */
  static boolean any(long dr7) {
    return (dr7 & 0xFF) != 0;
  }

  /** Says whether any breakpoint on data is enabled. */
  static boolean watchesData(long dr7) {
    if ((dr7 & 0xFF) == 0) {
      return false;
    }
    for (int i = 0; i < 4; i++) {
      if (enabled(dr7, i) && (kind(dr7, i) & 1) != 0) {
        return true;
      }
    }
    return false;
  }

  /** Returns the DR6 bits of execution breakpoints at an address, 0 if there is none. */
  static long execution(SoftCpu c, long lin) {
    long hit = 0;
    for (int i = 0; i < 4; i++) {
      if (enabled(c.dr[7], i) && kind(c.dr[7], i) == EXECUTE && c.dr[i] == lin) {
        hit |= 1L << i;
      }
    }
    return hit;
  }

  /**
   * Notes data breakpoints that an access hits, in {@link SoftCpu#pendingDr6}: they trap after the
   * instruction.
   */
  static void noteData(SoftCpu c, long lin, int accessBytes, boolean write) {
    for (int i = 0; i < 4; i++) {
      int kind = kind(c.dr[7], i);
      if (enabled(c.dr[7], i) && kind != EXECUTE && kind != IO && (write || kind != WRITE)) {
        int bytes = bytes(c.dr[7], i);
        long first = c.dr[i] & -bytes;
        if (first < lin + accessBytes && lin < first + bytes) {
          c.pendingDr6 |= 1L << i;
        }
      }
    }
  }
}
