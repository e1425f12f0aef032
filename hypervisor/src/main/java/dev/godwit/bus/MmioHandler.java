package dev.godwit.bus;

/**
 * Something that answers on guest physical addresses that are not RAM. Called by vCPU threads,
 * several at a time.
 */
public interface MmioHandler {
  /**
   * Reads.
   *
   * @param offset from the start of the mapping
   * @param sizeBytes 1, 2, 4 or 8
   * @return the value, zero-extended
   */
  long readMmio(long offset, int sizeBytes);

  /**
   * Writes.
   *
   * @param offset from the start of the mapping
   * @param sizeBytes 1, 2, 4 or 8
   * @param value the value, zero-extended
   */
  void writeMmio(long offset, int sizeBytes, long value);
}
