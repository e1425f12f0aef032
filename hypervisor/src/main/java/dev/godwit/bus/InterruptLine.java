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
}
