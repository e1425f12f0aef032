package dev.godwit.source;

/**
 * A limit of bytes a second, with a burst of a tenth of a second. Pure: time is given. Thread-safe.
 */
final class RateLimit {
  private static final double BURST_SECONDS = 0.1;

  private final long bytesPerSecond;
  private double allowedBytes;
  private long lastNanos;

  /**
   * @param bytesPerSecond the limit; 0 for none
   * @param nowNanos now
   */
  RateLimit(long bytesPerSecond, long nowNanos) {
    this.bytesPerSecond = bytesPerSecond;
    this.lastNanos = nowNanos;
  }

  /** Says that so many bytes were taken. */
  synchronized void took(long bytes) {
    allowedBytes -= bytes;
  }

  /** Returns how long to wait until something may be taken, ≥ 0. */
  synchronized long pauseNanos(long nowNanos) {
    if (bytesPerSecond == 0) {
      return 0;
    }
    allowedBytes =
        Math.min(
            bytesPerSecond * BURST_SECONDS,
            allowedBytes + (nowNanos - lastNanos) * (bytesPerSecond / 1e9));
    lastNanos = nowNanos;
    return allowedBytes >= 0 ? 0 : (long) Math.ceil(-allowedBytes / bytesPerSecond * 1e9);
  }
}
