package dev.godwit.control;

import java.time.Duration;

/**
 * A migration as its user wants it.
 *
 * @param to {@code host:port} of a {@code godwit receive}
 * @param maxDowntime the pause that is allowed; zero: the default
 * @param timeout time after which it is given up; zero: the default
 * @param bandwidthBytesPerSecond at most that much; 0: unlimited
 * @param compression "auto", "on" or "off"
 * @param verify take the digest of RAM under the lock at both ends and compare
 * @param onTimeout when the guest does not converge in time: "abort", "stop" to move it however
 *     long the pause gets, or "throttle" to slow it down until it converges
 * @param maxThrottlePercent how much "throttle" may take from its vCPUs, 1 to 99; 0: the default
 * @param streams how many connections carry pages; 0: the default
 * @param deltaCacheBytes memory for what was sent of pages, so that those which change a little are
 *     sent as differences; 0: none
 */
public record MigrateOrder(
    String to,
    Duration maxDowntime,
    Duration timeout,
    long bandwidthBytesPerSecond,
    String compression,
    boolean verify,
    String onTimeout,
    int maxThrottlePercent,
    int streams,
    long deltaCacheBytes) {
  /** What a user gets who decides nothing. */
  public static final long DEFAULT_DELTA_CACHE_BYTES = 64L << 20;
}
