package dev.godwit.platform;

import dev.godwit.bus.PortHandler;

/**
 * Ports of a chip with an 8-bit bus: a wider access is a row of byte accesses to ascending ports.
 */
interface BytePorts extends PortHandler {
  /** Reads a byte, 0–255. */
  int readByte(int port);

  /** Writes a byte, 0–255. */
  void writeByte(int port, int value);

  @Override
  default int readPort(int port, int sizeBytes) {
    int value = 0;
    for (int i = 0; i < sizeBytes; i++) {
      value |= readByte(port + i) << 8 * i;
    }
    return value;
  }

  @Override
  default void writePort(int port, int sizeBytes, int value) {
    for (int i = 0; i < sizeBytes; i++) {
      writeByte(port + i, value >>> 8 * i & 0xFF);
    }
  }
}
