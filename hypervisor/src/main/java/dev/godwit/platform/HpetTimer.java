package dev.godwit.platform;

import static dev.godwit.platform.HpetRegisters.FORCED_32_BIT;
import static dev.godwit.platform.HpetRegisters.INTERRUPT_ENABLED;
import static dev.godwit.platform.HpetRegisters.LEVEL;
import static dev.godwit.platform.HpetRegisters.PERIODIC;
import static dev.godwit.platform.HpetRegisters.SET_ACCUMULATOR;
import static dev.godwit.platform.HpetRegisters.TIMER_WRITABLE;

import dev.godwit.clock.GuestClock;

/** One comparator of the HPET, in counter ticks. Confined by {@link Hpet}'s lock. */
final class HpetTimer {
  /** No match will come. */
  static final long NEVER = -1;

  /** Matches further away than this many ticks are never armed: eleven years. */
  private static final long HORIZON_TICKS = 1L << 55;

  /**
   * Everything a comparator remembers.
   *
   * @param configuration its configuration register without the capabilities
   * @param comparator value that matches next
   * @param period what it advances by in periodic mode
   * @param fsbRoute value in the low word, address in the high one
   * @param nextMatchNanos guest time of the next match, or {@link #NEVER}
   */
  record State(
      int configuration, long comparator, long period, long fsbRoute, long nextMatchNanos) {
    State {
      StateChecks.require(
          (configuration & ~TIMER_WRITABLE) == 0, "hpet", "timer configuration", configuration);
      if (nextMatchNanos != NEVER) {
        StateChecks.requireNanos(nextMatchNanos, "hpet", "next_match_nanos");
      }
    }
  }

  final GuestClock.Timer alarm;
  final TickDebt debt = new TickDebt();
  int configuration;
  long comparator = -1;
  long period;
  long fsbRoute;
  long nextMatchNanos = NEVER;

  HpetTimer(GuestClock.Timer alarm) {
    this.alarm = alarm;
  }

  boolean is(int bit) {
    return (configuration & bit) != 0;
  }

  private long mask() {
    return is(FORCED_32_BIT) ? 0xFFFFFFFFL : -1;
  }

  void configure(int value) {
    configuration = value & TIMER_WRITABLE;
    comparator &= mask();
    period &= mask();
  }

  /**
   * Writes the comparator register: accumulator, or in periodic mode the period unless the
   * accumulator was announced.
   */
  void writeComparator(long value) {
    if (is(PERIODIC) && !is(SET_ACCUMULATOR)) {
      period = value & mask();
    } else {
      comparator = value & mask();
    }
    configuration &= ~SET_ACCUMULATOR;
  }

  /**
   * Returns the ticks from {@code counter} to the next match, 0 for a match right now, or {@link
   * #NEVER}.
   */
  long ticksToMatch(long counter) {
    return withinHorizon(comparator - counter & mask());
  }

  /** Returns how many more matches of a periodic comparator have passed since the present one. */
  long missed(long counter) {
    return is(PERIODIC) && period != 0
        ? Long.divideUnsigned(counter - comparator & mask(), period)
        : 0;
  }

  /** Says whether a match has any effect: an interrupt or a status bit. */
  boolean matters() {
    return is(INTERRUPT_ENABLED) || is(LEVEL);
  }

  /**
   * Goes on after a match. A periodic comparator advances to its first value after {@code counter +
   * skippedTicks}; any other matches again when the counter has wrapped.
   *
   * @return as {@link #ticksToMatch}, but never 0
   */
  long advance(long counter, long skippedTicks) {
    if (is(PERIODIC) && period != 0) {
      long behind = counter + skippedTicks - comparator & mask();
      comparator = comparator + (Long.divideUnsigned(behind, period) + 1) * period & mask();
    }
    long ticks = comparator - counter & mask();
    if (ticks == 0) {
      return is(FORCED_32_BIT) ? 1L << 32 : NEVER;
    }
    return withinHorizon(ticks);
  }

  private static long withinHorizon(long ticks) {
    return Long.compareUnsigned(ticks, HORIZON_TICKS) > 0 ? NEVER : ticks;
  }

  State save() {
    return new State(configuration, comparator, period, fsbRoute, nextMatchNanos);
  }

  void restore(State state) {
    configuration = state.configuration();
    comparator = state.comparator();
    period = state.period();
    fsbRoute = state.fsbRoute();
    nextMatchNanos = state.nextMatchNanos();
    debt.clear();
  }
}
