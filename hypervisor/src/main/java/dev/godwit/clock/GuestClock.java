package dev.godwit.clock;

import java.util.PriorityQueue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guest time in nanoseconds since power-on. It stands still while frozen; a frozen clock fires no
 * timer.
 *
 * <p>The TSC is a pure function of it, so that every time source of the machine agrees with every
 * other and a snapshot needs one number. Timer actions run on the thread {@code guest-clock}, one
 * at a time, without this clock's lock, and never while the clock is frozen: {@link #freeze} waits
 * for a running action to end. An action that throws ends that thread: from then on no timer fires,
 * so whoever owns the clock hears of it and must end the machine.
 */
public final class GuestClock implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(GuestClock.class);

  private final LongSupplier hostNanos;
  private final long tscHz;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final PriorityQueue<Timer> armed =
      new PriorityQueue<>((a, b) -> Long.compare(a.deadlineNanos, b.deadlineNanos));
  private volatile long originHostNanos;
  private volatile boolean frozen = true;
  private volatile long frozenAtNanos;
  private volatile FailureListener failureListener =
      (timer, failure) -> LOG.error("timer {} failed, and no timer fires any more", timer, failure);
  private @Nullable Timer running;
  private boolean closed;

  /** Hears that a timer's action threw. */
  public interface FailureListener {
    /**
     * Called once at most, on the thread {@code guest-clock}, which must not be waited for.
     *
     * @param timer the timer's name
     * @param failure what its action threw
     */
    void failed(String timer, Throwable failure);
  }

  /**
   * Makes a clock, frozen at zero.
   *
   * @param hostNanos a monotonic host clock, {@code System::nanoTime} outside tests
   * @param tscHz ticks a second of the guest's TSC
   */
  public GuestClock(LongSupplier hostNanos, long tscHz) {
    this.hostNanos = hostNanos;
    this.tscHz = tscHz;
    Thread.ofPlatform().daemon().name("guest-clock").start(this::fireTimers);
  }

  /** Returns guest nanoseconds since power-on. */
  public long nowNanos() {
    while (true) {
      if (frozen) {
        return frozenAtNanos;
      }
      long now = hostNanos.getAsLong() - originHostNanos;
      if (!frozen) {
        return now;
      }
    }
  }

  /** Returns the TSC's frequency in ticks a second. */
  public long tscHz() {
    return tscHz;
  }

  /** Returns the TSC of a vCPU whose TSC_ADJUST is zero. */
  public long tsc() {
    return ticks(nowNanos(), tscHz);
  }

  /** Returns how many ticks of {@code hz} fit {@code nanos}, rounded down, without overflow. */
  public static long ticks(long nanos, long hz) {
    return nanos / 1_000_000_000L * hz + nanos % 1_000_000_000L * hz / 1_000_000_000L;
  }

  /** Returns the first nanosecond at which {@link #ticks} reaches {@code ticks}. */
  public static long nanosAt(long ticks, long hz) {
    long whole = ticks / hz;
    return whole * 1_000_000_000L + (ticks % hz * 1_000_000_000L + hz - 1) / hz;
  }

  /** Stops guest time; when it returns no timer action runs and none will start. Idempotent. */
  public void freeze() {
    lock.lock();
    try {
      while (running != null) {
        changed.awaitUninterruptibly();
      }
      if (!frozen) {
        frozenAtNanos = hostNanos.getAsLong() - originHostNanos;
        frozen = true;
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Lets guest time go on from where it stands.
   *
   * @param skippedNanos guest time that passes at once, ≥ 0: a live migration's downtime
   */
  public void thaw(long skippedNanos) {
    lock.lock();
    try {
      if (frozen) {
        originHostNanos = hostNanos.getAsLong() - frozenAtNanos - skippedNanos;
        frozen = false;
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Sets a frozen clock: the restore of its one number. */
  public void restore(long nowNanos) {
    lock.lock();
    try {
      if (!frozen) {
        throw new IllegalStateException("the clock is running");
      }
      frozenAtNanos = nowNanos;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Returns in how many nanoseconds the next timer fires, {@code Long.MAX_VALUE} if none does; not
   * positive if it should have.
   */
  public long untilNextTimerNanos() {
    lock.lock();
    try {
      Timer next = armed.peek();
      return next == null ? Long.MAX_VALUE : next.deadlineNanos - nowNanos();
    } finally {
      lock.unlock();
    }
  }

  /** Sets who hears of an action that throws. */
  public void onFailure(FailureListener listener) {
    failureListener = listener;
  }

  /** Makes a timer, not armed. */
  public Timer timer(String name, Runnable action) {
    return new Timer(name, action);
  }

  /** A one-shot alarm in guest time. Threads: any. */
  public final class Timer {
    private final String name;
    private final Runnable action;
    private long deadlineNanos;

    private Timer(String name, Runnable action) {
      this.name = name;
      this.action = action;
    }

    /**
     * Arms it to fire once at or after that guest time; replaces an earlier deadline. A past
     * deadline fires at once.
     */
    public void arm(long deadlineNanos) {
      lock.lock();
      try {
        armed.remove(this);
        this.deadlineNanos = deadlineNanos;
        armed.add(this);
        if (armed.peek() == this) {
          changed.signalAll();
        }
      } finally {
        lock.unlock();
      }
    }

    /** Disarms it. An action that runs already may still be running when this returns. */
    public void cancel() {
      lock.lock();
      try {
        armed.remove(this);
      } finally {
        lock.unlock();
      }
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private void fireTimers() {
    lock.lock();
    try {
      while (!closed) {
        Timer next = armed.peek();
        if (frozen || next == null) {
          changed.awaitUninterruptibly();
          continue;
        }
        long waitNanos = next.deadlineNanos - (hostNanos.getAsLong() - originHostNanos);
        if (waitNanos > 0) {
          awaitNanos(waitNanos);
          continue;
        }
        armed.remove(next);
        running = next;
        lock.unlock();
        try {
          run(next);
        } finally {
          lock.lock();
          running = null;
          changed.signalAll();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private void run(Timer timer) {
    try {
      timer.action.run();
    } catch (RuntimeException | Error e) {
      close();
      failureListener.failed(timer.name, e);
    }
  }

  private void awaitNanos(long nanos) {
    try {
      long remaining = changed.awaitNanos(nanos);
      if (remaining > 0) {
        return;
      }
    } catch (InterruptedException e) {
      closed = true;
    }
  }

  /** Ends the timer thread; armed timers never fire. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      armed.clear();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
