package dev.godwit.platform;

import dev.godwit.snapshot.SnapshotException;
import java.util.List;

/** Refuses saved state that no device could have written. */
final class StateChecks {
  /** Far beyond the life of any machine, and far below overflow. */
  private static final long MAX_NANOS = 1L << 61;

  private StateChecks() {}

  /** Throws {@code BAD_VALUE} naming part and field unless {@code holds}. */
  static void require(boolean holds, String part, String field, Object value) {
    if (!holds) {
      throw new SnapshotException(
          SnapshotException.Code.BAD_VALUE,
          "section %s: %s cannot be %s: the snapshot is damaged".formatted(part, field, value));
    }
  }

  /** Requires a value of at most {@code bits} bits. */
  static void requireBits(long value, int bits, String part, String field) {
    require(value >>> bits == 0, part, field, value);
  }

  /** Requires a moment of guest time, past or future. */
  static void requireNanos(long nanos, String part, String field) {
    require(nanos >= 0 && nanos <= MAX_NANOS, part, field, nanos);
  }

  /** Requires a moment of guest time that is not after {@code nowNanos}. */
  static void requirePast(long nanos, long nowNanos, String part, String field) {
    require(nanos >= 0 && nanos <= nowNanos, part, field, nanos);
  }

  /** Requires a list of exactly {@code size} values. */
  static void requireSize(List<?> list, int size, String part, String field) {
    require(list.size() == size, part, "number of " + field, list.size());
  }
}
