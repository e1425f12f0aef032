package dev.godwit.machine;

/** Something with threads of its own that may touch guest RAM or device state. */
public interface Quiescable {
  /**
   * Returns when none of its threads touches the machine and none will until {@link #unquiesce}.
   */
  void quiesce();

  /** Lets its threads go on. */
  void unquiesce();
}
