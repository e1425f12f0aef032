package dev.godwit.device.pci;

/** The registers behind a BAR. Called by vCPU threads, several at a time, with no lock held. */
public interface BarHandler {
  /**
   * Reads.
   *
   * @param offset from the BAR's start
   * @param sizeBytes 1, 2, 4 or, in memory, 8
   * @return the value, zero-extended
   */
  long readBar(long offset, int sizeBytes);

  /**
   * Writes.
   *
   * @param offset from the BAR's start
   * @param sizeBytes 1, 2, 4 or, in memory, 8
   * @param value the value, zero-extended
   */
  void writeBar(long offset, int sizeBytes, long value);
}
