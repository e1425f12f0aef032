package dev.godwit.machine;

import java.time.Duration;
import java.util.function.Consumer;

/**
 * Makes a machine's vCPUs stand for a part of each {@value #SLICE_MILLIS} ms, so that a guest
 * dirties its memory more slowly than it can be sent. Time and devices go on: the guest sees a
 * slower CPU, and no pause longer than a slice.
 *
 * <p>The share may be changed at any time, by any thread; a thread of its own keeps the beat while
 * the share is above 0.
 */
final class VcpuThrottle {
  static final int SLICE_MILLIS = 10;

  private final Consumer<Boolean> hold;
  private int percent;
  private boolean beating;

  /**
   * @param hold makes all vCPUs stand, or lets them go on; called by the throttle's thread
   */
  VcpuThrottle(Consumer<Boolean> hold) {
    this.hold = hold;
  }

  /**
   * Sets the share.
   *
   * @param value percent of the time in which the vCPUs stand, 0 to 99
   */
  synchronized void set(int value) {
    if (value < 0 || value > 99) {
      throw new IllegalArgumentException("vCPUs cannot be throttled by " + value + " %");
    }
    percent = value;
    notifyAll();
    if (value > 0 && !beating) {
      beating = true;
      Thread.ofPlatform().daemon().name("vcpu-throttle").start(this::beat);
    }
  }

  private void beat() {
    while (true) {
      long standNanos;
      synchronized (this) {
        if (percent == 0) {
          beating = false;
          return;
        }
        standNanos = Duration.ofMillis(SLICE_MILLIS).toNanos() * percent / 100;
      }
      hold.accept(true);
      sleep(standNanos);
      hold.accept(false);
      sleep(Duration.ofMillis(SLICE_MILLIS).toNanos() - standNanos);
    }
  }

  private static void sleep(long nanos) {
    try {
      Thread.sleep(Duration.ofNanos(nanos));
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts this thread", e);
    }
  }
}
