package dev.godwit.bus;

/** Something that answers on I/O ports. Called by vCPU threads, several at a time. */
public interface PortHandler {
  /**
   * Reads.
   *
   * @param port the absolute port number of the first byte
   * @param sizeBytes 1, 2 or 4
   * @return the value, zero-extended
   */
  int readPort(int port, int sizeBytes);

  /**
   * Writes.
   *
   * @param port the absolute port number of the first byte
   * @param sizeBytes 1, 2 or 4
   * @param value the value, zero-extended
   */
  void writePort(int port, int sizeBytes, int value);
}
