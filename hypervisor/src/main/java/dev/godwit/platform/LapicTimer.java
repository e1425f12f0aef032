package dev.godwit.platform;

import dev.godwit.clock.Frequencies;
import dev.godwit.clock.GuestClock;

/**
 * The timer of a local APIC: one-shot, periodic and TSC-deadline (SDM vol. 3A 11.5.4). A state
 * machine over guest time that never calls out but to arm its alarm. Confined by the local APIC's
 * lock.
 */
final class LapicTimer {
  // Modes, as in bits 18:17 of the LVT entry.
  static final int ONE_SHOT = 0;
  static final int PERIODIC = 1;
  static final int TSC_DEADLINE = 2;

  /** A periodic timer fires at most this often; what comes in between coalesces, as in an IRR. */
  private static final long MIN_PERIOD_NANOS = 20_000;

  /**
   * No deadline beyond this is armed: ten years of guest time. In ticks it fits a long at any TSC
   * frequency.
   */
  private static final long HORIZON_SECONDS = 10L * 365 * 86_400;

  /**
   * Everything the timer remembers but its mode, which is in the LVT entry.
   *
   * @param initialCount 0–2^32-1
   * @param divideConfiguration the register's bits 3, 1 and 0
   * @param counting it counts down now
   * @param startNanos guest time at which the count was loaded
   * @param nextExpiryNanos guest time of the next expiry, while counting
   * @param tscDeadline IA32_TSC_DEADLINE
   */
  record State(
      long initialCount,
      int divideConfiguration,
      boolean counting,
      long startNanos,
      long nextExpiryNanos,
      long tscDeadline) {
    State {
      StateChecks.requireBits(initialCount, 32, "lapic", "timer.initial_count");
      StateChecks.require(
          (divideConfiguration & ~0xB) == 0,
          "lapic",
          "timer.divide_configuration",
          divideConfiguration);
      StateChecks.require(
          !counting || initialCount != 0, "lapic", "timer.initial_count", "0 while it counts");
      StateChecks.requireNanos(startNanos, "lapic", "timer.start_nanos");
      StateChecks.requireNanos(nextExpiryNanos, "lapic", "timer.next_expiry_nanos");
    }
  }

  private final GuestClock clock;
  private final GuestClock.Timer alarm;
  private int mode = ONE_SHOT;
  private long initialCount;
  private int divideConfiguration;
  private boolean counting;
  private long startNanos;
  private long nextExpiryNanos;
  private long tscDeadline;

  /**
   * @param name of the alarm
   * @param expired called on the clock's thread, without locks, when {@link #expire} should be
   *     looked at
   */
  LapicTimer(GuestClock clock, String name, Runnable expired) {
    this.clock = clock;
    this.alarm = clock.timer(name, expired);
  }

  /** Back to reset state. */
  void reset() {
    mode = ONE_SHOT;
    initialCount = 0;
    divideConfiguration = 0;
    counting = false;
    tscDeadline = 0;
    alarm.cancel();
  }

  /** Returns the mode that an LVT entry asks for; the reserved one counts as one-shot. */
  private static int modeOf(int lvtEntry) {
    int bits = lvtEntry >>> 17 & 3;
    return bits == 3 ? ONE_SHOT : bits;
  }

  /** Follows the LVT entry's mode bits. Entering or leaving TSC-deadline mode disarms the timer. */
  void setMode(int lvtEntry) {
    int newMode = modeOf(lvtEntry);
    if (newMode == mode) {
      return;
    }
    if (newMode == TSC_DEADLINE || mode == TSC_DEADLINE) {
      counting = false;
      initialCount = 0;
      tscDeadline = 0;
    } else if (counting && newMode == ONE_SHOT) {
      startNanos = Math.max(0, nextExpiryNanos - spanNanos(initialCount));
    }
    mode = newMode;
    arm();
  }

  long initialCount() {
    return initialCount;
  }

  /** Starts counting down from {@code count}, 0–2^32-1; 0 stops. Ignored in TSC-deadline mode. */
  void setInitialCount(long count) {
    if (mode == TSC_DEADLINE) {
      return;
    }
    initialCount = count;
    counting = count != 0;
    startNanos = clock.nowNanos();
    nextExpiryNanos = startNanos + spanNanos(count);
    arm();
  }

  /** Returns the current count register. */
  long currentCount() {
    if (!counting) {
      return 0;
    }
    long elapsed = elapsedCounts();
    return mode == PERIODIC
        ? initialCount - elapsed % initialCount
        : Math.max(0, initialCount - elapsed);
  }

  int divideConfiguration() {
    return divideConfiguration;
  }

  /** Changes the divider; a running count goes on from where it stands. */
  void setDivideConfiguration(int value) {
    long done = initialCount - currentCount();
    divideConfiguration = value & 0xB;
    if (counting) {
      startNanos = Math.max(0, clock.nowNanos() - spanNanos(done));
      nextExpiryNanos = startNanos + spanNanos(initialCount);
      arm();
    }
  }

  long tscDeadline() {
    return tscDeadline;
  }

  /** Sets IA32_TSC_DEADLINE; ignored in other modes. */
  void setTscDeadline(long ticks) {
    if (mode == TSC_DEADLINE) {
      tscDeadline = ticks;
      arm();
    }
  }

  /** Returns whether the timer has expired since the last call, and goes on to its next expiry. */
  boolean expire() {
    long now = clock.nowNanos();
    if (mode == TSC_DEADLINE) {
      if (tscDeadline == 0 || now < deadlineNanos()) {
        return false;
      }
      tscDeadline = 0;
      return true;
    }
    if (!counting || now < nextExpiryNanos) {
      return false;
    }
    if (mode == ONE_SHOT) {
      counting = false;
    } else {
      long periods =
          (GuestClock.ticks(now + MIN_PERIOD_NANOS - startNanos, Frequencies.CRYSTAL_HZ)
                  >>> shift())
              / initialCount;
      nextExpiryNanos = startNanos + spanNanos((periods + 1) * initialCount);
    }
    arm();
    return true;
  }

  State save() {
    return new State(
        initialCount, divideConfiguration, counting, startNanos, nextExpiryNanos, tscDeadline);
  }

  /** Replaces the state and arms the alarm. */
  void restore(int lvtEntry, State state) {
    mode = modeOf(lvtEntry);
    initialCount = state.initialCount();
    divideConfiguration = state.divideConfiguration();
    counting = state.counting();
    startNanos = state.startNanos();
    nextExpiryNanos = state.nextExpiryNanos();
    tscDeadline = state.tscDeadline();
    arm();
  }

  private void arm() {
    if (mode == TSC_DEADLINE) {
      long deadline = deadlineNanos();
      if (tscDeadline != 0 && deadline != Long.MAX_VALUE) {
        alarm.arm(deadline);
        return;
      }
    } else if (counting) {
      alarm.arm(nextExpiryNanos);
      return;
    }
    alarm.cancel();
  }

  private long deadlineNanos() {
    if (Long.compareUnsigned(tscDeadline, HORIZON_SECONDS * clock.tscHz()) > 0) {
      return Long.MAX_VALUE;
    }
    return GuestClock.nanosAt(tscDeadline, clock.tscHz());
  }

  /**
   * Divider as a power of two: bits 3, 1, 0 of the register are 0 for 2 to 6 for 128, and 7 for 1.
   */
  private int shift() {
    return ((divideConfiguration & 3 | divideConfiguration >>> 1 & 4) + 1) & 7;
  }

  private long spanNanos(long counts) {
    return GuestClock.nanosAt(counts << shift(), Frequencies.CRYSTAL_HZ);
  }

  private long elapsedCounts() {
    return GuestClock.ticks(clock.nowNanos() - startNanos, Frequencies.CRYSTAL_HZ) >>> shift();
  }
}
