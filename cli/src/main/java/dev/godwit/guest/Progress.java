package dev.godwit.guest;

/** Hears what preparing the assets is doing: each call is one line for a person. */
@FunctionalInterface
public interface Progress {
  /** Hears nothing. */
  Progress SILENT = line -> {};

  /**
   * @param line what is being done now, without a line end
   */
  void step(String line);
}
