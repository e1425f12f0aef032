package dev.godwit.source;

import dev.godwit.control.MigrateOrder;
import java.time.Duration;

/**
 * What a user may decide about a migration or snapshot.
 *
 * @param maxDowntime the pause that is allowed
 * @param maxRounds rounds after which the guest counts as not converging, ≥ 1
 * @param timeout time after which it does, from the first page on
 * @param onTimeout what happens then
 * @param maxThrottlePercent the share of the time in which the vCPUs may be made to stand by {@link
 *     OnTimeout#THROTTLE}, 1 to 99
 * @param compression whether pages are LZ4-compressed
 * @param bandwidthBytesPerSecond at most that many bytes of pages a second while the guest runs; 0
 *     for no limit. The last pages, under the lock, are not limited
 * @param deltaCacheBytes memory for what was sent of pages, so that those which change a little are
 *     sent as differences; 0 for none
 * @param verify whether both sides digest all RAM under the lock; costs downtime
 */
public record MigrationOptions(
    Duration maxDowntime,
    int maxRounds,
    Duration timeout,
    OnTimeout onTimeout,
    int maxThrottlePercent,
    Compression compression,
    long bandwidthBytesPerSecond,
    long deltaCacheBytes,
    boolean verify) {

  /** The most that may be remembered of what was sent: a part of what a migration may take. */
  public static final long MAX_DELTA_CACHE_BYTES = 128L << 20;

  /** What happens when a guest does not converge. */
  public enum OnTimeout {
    /** The migration fails; the machine goes on here. */
    ABORT,
    /** The machine is stopped and moved, however long that takes. */
    STOP,
    /**
     * The guest is slowed down, step by step, until it converges; if that takes as long again, the
     * migration fails and the machine goes on here at its full speed.
     */
    THROTTLE
  }

  /** Whether pages are compressed. */
  public enum Compression {
    /** Never. */
    OFF,
    /** Always, where it makes a page smaller. */
    ON,
    /** While it gains time at the current speed of the link. */
    AUTO
  }

  /** What a user gets who decides nothing. */
  public static final MigrationOptions DEFAULT =
      new MigrationOptions(
          Duration.ofMillis(50),
          Integer.MAX_VALUE,
          Duration.ofMinutes(10),
          OnTimeout.ABORT,
          99,
          Compression.AUTO,
          0,
          MigrateOrder.DEFAULT_DELTA_CACHE_BYTES,
          false);

  /** Checks the ranges. */
  public MigrationOptions {
    if (maxDowntime.isNegative()
        || maxRounds < 1
        || timeout.isNegative()
        || maxThrottlePercent < 1
        || maxThrottlePercent > 99
        || bandwidthBytesPerSecond < 0
        || deltaCacheBytes < 0
        || deltaCacheBytes > MAX_DELTA_CACHE_BYTES) {
      throw new IllegalArgumentException("a migration option is out of range");
    }
  }

  /** Returns the same with another pause. */
  public MigrationOptions withMaxDowntime(Duration value) {
    return new MigrationOptions(
        value,
        maxRounds,
        timeout,
        onTimeout,
        maxThrottlePercent,
        compression,
        bandwidthBytesPerSecond,
        deltaCacheBytes,
        verify);
  }

  /** Returns the same with another limit of rounds. */
  public MigrationOptions withMaxRounds(int value) {
    return new MigrationOptions(
        maxDowntime,
        value,
        timeout,
        onTimeout,
        maxThrottlePercent,
        compression,
        bandwidthBytesPerSecond,
        deltaCacheBytes,
        verify);
  }

  /** Returns the same with another timeout and what happens then. */
  public MigrationOptions withTimeout(Duration value, OnTimeout action) {
    return new MigrationOptions(
        maxDowntime,
        maxRounds,
        value,
        action,
        maxThrottlePercent,
        compression,
        bandwidthBytesPerSecond,
        deltaCacheBytes,
        verify);
  }

  /** Returns the same with another limit of throttling. */
  public MigrationOptions withMaxThrottlePercent(int value) {
    return new MigrationOptions(
        maxDowntime,
        maxRounds,
        timeout,
        onTimeout,
        value,
        compression,
        bandwidthBytesPerSecond,
        deltaCacheBytes,
        verify);
  }

  /** Returns the same with another compression. */
  public MigrationOptions withCompression(Compression value) {
    return new MigrationOptions(
        maxDowntime,
        maxRounds,
        timeout,
        onTimeout,
        maxThrottlePercent,
        value,
        bandwidthBytesPerSecond,
        deltaCacheBytes,
        verify);
  }

  /** Returns the same with another limit of bandwidth; 0 for none. */
  public MigrationOptions withBandwidthBytesPerSecond(long value) {
    return new MigrationOptions(
        maxDowntime,
        maxRounds,
        timeout,
        onTimeout,
        maxThrottlePercent,
        compression,
        value,
        deltaCacheBytes,
        verify);
  }

  /** Returns the same with another memory for what was sent; 0 for none. */
  public MigrationOptions withDeltaCacheBytes(long value) {
    return new MigrationOptions(
        maxDowntime,
        maxRounds,
        timeout,
        onTimeout,
        maxThrottlePercent,
        compression,
        bandwidthBytesPerSecond,
        value,
        verify);
  }

  /** Returns the same with digests or without. */
  public MigrationOptions withVerify(boolean value) {
    return new MigrationOptions(
        maxDowntime,
        maxRounds,
        timeout,
        onTimeout,
        maxThrottlePercent,
        compression,
        bandwidthBytesPerSecond,
        deltaCacheBytes,
        value);
  }
}
