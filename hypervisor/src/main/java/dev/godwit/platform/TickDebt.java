package dev.godwit.platform;

/**
 * Ticks of a periodic timer that would have coalesced because the guest had not taken the one
 * before. On a host whose processes wait for CPU that happens to a guest that did nothing wrong,
 * and a kernel that counts ticks concludes that the timer does not work. So they are owed, and made
 * up for as soon as the guest takes interrupts again, {@value #PACE_NANOS} ns apart.
 *
 * <p>Not saved: over a migration ticks coalesce as they would on a real machine. Confined by its
 * device's lock.
 */
final class TickDebt {
  static final long PACE_NANOS = 100_000;

  /** What was missed beyond this is forgiven: a quarter of a second of a kernel's usual ticks. */
  private static final long MOST = 64;

  private long owed;

  /** Forgets all: the timer was programmed anew. */
  void clear() {
    owed = 0;
  }

  boolean any() {
    return owed > 0;
  }

  /** Adds ticks that could not be delivered, ≥ 0. */
  void add(long ticks) {
    owed = Math.min(MOST, owed + ticks);
  }

  /** Takes one that is about to be delivered. */
  void pay() {
    owed--;
  }
}
