package dev.godwit.e2e.bench;

import java.time.Duration;

/**
 * How guests are to be moved, whatever the system.
 *
 * @param maxDowntime the pause that is allowed
 * @param timeout time after which it is given up
 * @param beatMillis time between two of its heartbeats
 */
record MigrationWishes(Duration maxDowntime, Duration timeout, int beatMillis) {}
