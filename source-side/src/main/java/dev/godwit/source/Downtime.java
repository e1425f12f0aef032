package dev.godwit.source;

/**
 * How long the machine stood still, by part.
 *
 * @param lockNanos until all vCPUs stood
 * @param pagesNanos the last pages, digest included
 * @param devicesNanos saving, sending and restoring all sections
 * @param commitNanos until the machine went on: there, as far as that is known, or here
 * @param expectedNanos what was expected when it was stopped
 */
public record Downtime(
    long lockNanos, long pagesNanos, long devicesNanos, long commitNanos, long expectedNanos) {
  /** Returns the sum of the parts. */
  public long totalNanos() {
    return lockNanos + pagesNanos + devicesNanos + commitNanos;
  }
}
