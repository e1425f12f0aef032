package dev.godwit.cpu.soft;

import dev.godwit.memory.HostMemory;
import dev.godwit.memory.LockedExchange;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Accesses to RAM at an hva that the MMU has just given out, plain and atomic.
 *
 * <p>Atomic ones are Java's as long as the operand lies within an aligned 8-byte word, whatever its
 * own size and alignment, and {@link LockedExchange}'s elsewhere. What that does not reach either
 * excludes each other by one monitor of the process; against plain accesses of another vCPU it is
 * atomic for each 8-byte word only.
 */
final class Ram {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle WORD =
      ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN).varHandle();

  /**
   * Excludes operations that are not {@link #lockable} from one another, process-wide; taken for a
   * few loads and stores only.
   */
  static final Object SPLIT_LOCK = new Object();

  private Ram() {}

  /** Reads 1, 2, 4 or 8 bytes, zero-extended. */
  static long get(long hva, int bytes) {
    return switch (bytes) {
      case 1 -> HostMemory.ALL.get(ValueLayout.JAVA_BYTE, hva) & 0xFF;
      case 2 -> HostMemory.ALL.get(SHORT, hva) & 0xFFFF;
      case 4 -> HostMemory.ALL.get(INT, hva) & 0xFFFF_FFFFL;
      default -> HostMemory.ALL.get(LONG, hva);
    };
  }

  /** Writes the low 1, 2, 4 or 8 bytes of a value. */
  static void put(long hva, int bytes, long value) {
    switch (bytes) {
      case 1 -> HostMemory.ALL.set(ValueLayout.JAVA_BYTE, hva, (byte) value);
      case 2 -> HostMemory.ALL.set(SHORT, hva, (short) value);
      case 4 -> HostMemory.ALL.set(INT, hva, (int) value);
      default -> HostMemory.ALL.set(LONG, hva, value);
    }
  }

  /** Says whether {@link #compareAndSet} can do it: as good as always. */
  static boolean lockable(long hva, int bytes) {
    return withinWord(hva, bytes) || LockedExchange.reaches(hva, bytes);
  }

  private static boolean withinWord(long hva, int bytes) {
    return (hva & 7) + bytes <= 8;
  }

  /**
   * Replaces a {@link #lockable} operand of 1, 2, 4 or 8 bytes atomically if it is as expected; a
   * full fence either way.
   */
  static boolean compareAndSet(long hva, int bytes, long expected, long value) {
    return withinWord(hva, bytes)
        ? compareAndSetInWord(hva, bytes, expected, value)
        : LockedExchange.compareAndExchange(hva, bytes, expected, value) == expected;
  }

  private static boolean compareAndSetInWord(long hva, int bytes, long expected, long value) {
    long word = hva & ~7L;
    int shift = (int) (hva & 7) * 8;
    long mask = Alu.zeroExtend(-1, 8 * bytes) << shift;
    while (true) {
      long old = (long) WORD.getVolatile(HostMemory.ALL, word);
      if (((old ^ expected << shift) & mask) != 0) {
        VarHandle.fullFence();
        return false;
      }
      if (WORD.compareAndSet(HostMemory.ALL, word, old, old & ~mask | value << shift & mask)) {
        return true;
      }
    }
  }
}
