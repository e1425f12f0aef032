package dev.godwit.platform;

import dev.godwit.clock.Frequencies;
import dev.godwit.clock.GuestClock;

/**
 * One counter of the 8254 (Intel data sheet 231164). Count and output are pure functions of guest
 * time and of when counting began. A new count takes effect at once, also in the modes in which the
 * chip ends the running period first. Confined by {@link Pit}'s lock.
 */
final class PitChannel {
  /** No such moment. */
  static final long NEVER = -1;

  // Counter modes.
  private static final int TERMINAL_COUNT = 0;
  private static final int ONE_SHOT = 1;
  private static final int RATE = 2;
  private static final int SQUARE = 3;
  private static final int SOFTWARE_STROBE = 4;
  private static final int HARDWARE_STROBE = 5;

  // How counts are read and written.
  private static final int LOW_BYTE = 1;
  private static final int HIGH_BYTE = 2;
  private static final int BOTH_BYTES = 3;

  private static final int FULL_COUNT = 0x10000;
  private static final int FULL_BCD_COUNT = 10_000;

  /**
   * Everything a channel remembers.
   *
   * @param mode 0–5
   * @param bcd counts in decimal
   * @param access 1 low byte, 2 high byte, 3 both
   * @param count 1–65536; 0 until loaded
   * @param gate level of the gate
   * @param counting it counts now
   * @param startNanos guest time at which counting began or went on
   * @param heldTicks ticks that had passed then
   * @param writtenLowByte first half of a count, or -1
   * @param readHighNext the next byte read is the high one
   * @param latchedCount as read, or -1
   * @param latchedStatus as read, or -1
   */
  record State(
      int mode,
      boolean bcd,
      int access,
      int count,
      boolean gate,
      boolean counting,
      long startNanos,
      long heldTicks,
      int writtenLowByte,
      boolean readHighNext,
      int latchedCount,
      int latchedStatus) {
    State {
      StateChecks.require(mode >= 0 && mode <= HARDWARE_STROBE, "pit", "mode", mode);
      StateChecks.require(access >= LOW_BYTE && access <= BOTH_BYTES, "pit", "access", access);
      StateChecks.require(count >= 0 && count <= FULL_COUNT, "pit", "count", count);
      StateChecks.require(!counting || count != 0, "pit", "counting", "true without a count");
      StateChecks.requireNanos(startNanos, "pit", "start_nanos");
      StateChecks.require(
          heldTicks >= 0 && heldTicks <= Long.MAX_VALUE >>> 4, "pit", "held_ticks", heldTicks);
      StateChecks.require(
          writtenLowByte >= -1 && writtenLowByte <= 0xFF,
          "pit",
          "written_low_byte",
          writtenLowByte);
      StateChecks.require(
          latchedCount >= -1 && latchedCount <= 0xFFFF, "pit", "latched_count", latchedCount);
      StateChecks.require(
          latchedStatus >= -1 && latchedStatus <= 0xFF, "pit", "latched_status", latchedStatus);
    }
  }

  private final GuestClock clock;
  private int mode = SQUARE;
  private boolean bcd;
  private int access = BOTH_BYTES;
  private int count;
  private boolean gate;
  private boolean counting;
  private long startNanos;
  private long heldTicks;
  private int writtenLowByte = -1;
  private boolean readHighNext;
  private int latchedCount = -1;
  private int latchedStatus = -1;

  /**
   * @param gate level of the gate at power-on
   */
  PitChannel(GuestClock clock, boolean gate) {
    this.clock = clock;
    this.gate = gate;
  }

  /** Takes a control word for this channel that is no latch command: forgets the count. */
  void control(int word) {
    access = word >>> 4 & 3;
    int bits = word >>> 1 & 7;
    mode = bits > HARDWARE_STROBE ? bits & 3 : bits;
    bcd = (word & 1) != 0;
    count = 0;
    counting = false;
    heldTicks = 0;
    writtenLowByte = -1;
    readHighNext = false;
    latchedCount = -1;
    latchedStatus = -1;
  }

  /** Latches the count, unless one is latched already. */
  void latchCount() {
    if (latchedCount < 0) {
      latchedCount = counter();
    }
  }

  /** Latches the status byte, unless one is latched already. */
  void latchStatus() {
    if (latchedStatus < 0) {
      int unloaded = count == 0 ? 0x40 : 0;
      latchedStatus = (output() ? 0x80 : 0) | unloaded | access << 4 | mode << 1 | (bcd ? 1 : 0);
    }
  }

  /** Reads the next byte: latched status, latched count or the running count. */
  int read() {
    if (latchedStatus >= 0) {
      int status = latchedStatus;
      latchedStatus = -1;
      return status;
    }
    int value = latchedCount >= 0 ? latchedCount : counter();
    boolean high = access == HIGH_BYTE || (access == BOTH_BYTES && readHighNext);
    boolean complete = access != BOTH_BYTES || readHighNext;
    readHighNext = !complete;
    if (complete) {
      latchedCount = -1;
    }
    return (high ? value >>> 8 : value) & 0xFF;
  }

  /** Writes a byte of the count. Returns whether the count is complete and was loaded. */
  boolean write(int value) {
    switch (access) {
      case LOW_BYTE -> load(value);
      case HIGH_BYTE -> load(value << 8);
      default -> {
        if (writtenLowByte < 0) {
          writtenLowByte = value;
          return false;
        }
        load(value << 8 | writtenLowByte);
        writtenLowByte = -1;
      }
    }
    return true;
  }

  private void load(int written) {
    int value = bcd ? fromBcd(written) : written;
    count = value == 0 ? (bcd ? FULL_BCD_COUNT : FULL_COUNT) : value;
    if (mode != ONE_SHOT && mode != HARDWARE_STROBE) {
      begin(gate);
    }
  }

  private void begin(boolean now) {
    startNanos = clock.nowNanos();
    heldTicks = 0;
    counting = now;
  }

  boolean gate() {
    return gate;
  }

  /** Drives the gate: a level for some modes, a trigger for others. */
  void setGate(boolean level) {
    if (level == gate) {
      return;
    }
    gate = level;
    if (count == 0) {
      return;
    }
    switch (mode) {
      case TERMINAL_COUNT, SOFTWARE_STROBE -> {
        heldTicks = elapsedTicks();
        startNanos = clock.nowNanos();
        counting = level;
      }
      case RATE, SQUARE -> begin(level);
      default -> {
        if (level) {
          begin(true);
        }
      }
    }
  }

  /** Returns the output's level. */
  boolean output() {
    if (count == 0) {
      return mode != TERMINAL_COUNT;
    }
    long elapsed = elapsedTicks();
    return switch (mode) {
      case TERMINAL_COUNT -> elapsed >= count;
      case ONE_SHOT -> !counting || elapsed >= count;
      case RATE -> !counting || elapsed % count != count - 1;
      case SQUARE -> !counting || elapsed % count < count + 1 >> 1;
      default -> !counting || elapsed != count;
    };
  }

  /** Returns the first moment after {@code nanos} at which the output rises, or {@link #NEVER}. */
  long nextRiseNanos(long nanos) {
    if (!counting) {
      return NEVER;
    }
    long elapsed = ticksAt(nanos);
    long rise =
        switch (mode) {
          case RATE, SQUARE -> (elapsed / count + 1) * count;
          case TERMINAL_COUNT, ONE_SHOT -> count;
          default -> count + 1;
        };
    return rise <= elapsed
        ? NEVER
        : startNanos + GuestClock.nanosAt(rise - heldTicks, Frequencies.PIT_HZ);
  }

  /** Returns how many times the output rose after one moment and until another. */
  long risesBetween(long afterNanos, long untilNanos) {
    if (!counting || mode != RATE && mode != SQUARE) {
      return 0;
    }
    return ticksAt(untilNanos) / count - ticksAt(afterNanos) / count;
  }

  private long ticksAt(long nanos) {
    return GuestClock.ticks(nanos - startNanos, Frequencies.PIT_HZ) + heldTicks;
  }

  private long elapsedTicks() {
    return counting ? ticksAt(clock.nowNanos()) : heldTicks;
  }

  /** Returns the count as it is read. */
  private int counter() {
    if (count == 0) {
      return 0;
    }
    long elapsed = elapsedTicks();
    long value =
        switch (mode) {
          case RATE -> count - elapsed % count;
          case SQUARE -> count - 2 * elapsed % count;
          default -> Math.floorMod(count - elapsed, (long) (bcd ? FULL_BCD_COUNT : FULL_COUNT));
        };
    return bcd ? toBcd((int) value % FULL_BCD_COUNT) : (int) value & 0xFFFF;
  }

  private static int fromBcd(int value) {
    return (value >>> 12 & 0xF) * 1000
        + (value >>> 8 & 0xF) * 100
        + (value >>> 4 & 0xF) * 10
        + (value & 0xF);
  }

  private static int toBcd(int value) {
    return value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
  }

  State save() {
    return new State(
        mode,
        bcd,
        access,
        count,
        gate,
        counting,
        startNanos,
        heldTicks,
        writtenLowByte,
        readHighNext,
        latchedCount,
        latchedStatus);
  }

  void restore(State state) {
    mode = state.mode();
    bcd = state.bcd();
    access = state.access();
    count = state.count();
    gate = state.gate();
    counting = state.counting();
    startNanos = state.startNanos();
    heldTicks = state.heldTicks();
    writtenLowByte = state.writtenLowByte();
    readHighNext = state.readHighNext();
    latchedCount = state.latchedCount();
    latchedStatus = state.latchedStatus();
  }
}
