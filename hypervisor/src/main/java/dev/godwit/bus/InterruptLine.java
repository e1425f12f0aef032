package dev.godwit.bus;

/**
 * One wire to the interrupt controllers, level as seen by them. Setting the level it has already
 * does nothing.
 */
@FunctionalInterface
public interface InterruptLine {
  /**
   * Raises ({@code true}) or lowers the line. Any thread; the caller may hold its device's lock.
   */
  void set(boolean asserted);

  /**
   * Says whether an edge of this line still waits for a vCPU to take it, so that another one would
   * coalesce with it. False where nobody would take it, and where that is not known. Any thread;
   * the caller may hold its device's lock.
   */
  default boolean pending() {
    return false;
  }
}
