package dev.godwit.bus;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The 64 Ki I/O ports. Nobody at home reads as all ones and swallows writes, as on an ISA bus.
 *
 * <p>Threads: any; a mapping is visible to accesses that start after {@link #map} returned.
 */
public final class PortBus {
  private static final int PORTS = 0x10000;

  private record Mapping(String owner, PortHandler handler) {}

  private final AtomicReferenceArray<@Nullable Mapping> mappings =
      new AtomicReferenceArray<>(PORTS);

  /**
   * Gives ports to a device.
   *
   * @throws IllegalStateException if one is taken; the message names both owners
   */
  public synchronized void map(int firstPort, int count, String owner, PortHandler handler) {
    for (int port = firstPort; port < firstPort + count; port++) {
      Mapping taken = mappings.get(port);
      if (taken != null) {
        throw new IllegalStateException(
            "port 0x%x wanted by %s belongs to %s".formatted(port, owner, taken.owner));
      }
    }
    Mapping mapping = new Mapping(owner, handler);
    for (int port = firstPort; port < firstPort + count; port++) {
      mappings.set(port, mapping);
    }
  }

  /** Takes ports back; those that are not mapped are passed over. */
  public synchronized void unmap(int firstPort, int count) {
    for (int port = firstPort; port < firstPort + count; port++) {
      mappings.set(port, null);
    }
  }

  /** Reads 1, 2 or 4 bytes; the device at the first port gets the whole access. */
  public int read(int port, int sizeBytes) {
    Mapping mapping = mappings.get(port & 0xFFFF);
    int ones = sizeBytes == 4 ? -1 : (1 << (8 * sizeBytes)) - 1;
    return mapping == null ? ones : mapping.handler.readPort(port & 0xFFFF, sizeBytes) & ones;
  }

  /** Writes 1, 2 or 4 bytes; the device at the first port gets the whole access. */
  public void write(int port, int sizeBytes, int value) {
    Mapping mapping = mappings.get(port & 0xFFFF);
    if (mapping != null) {
      int ones = sizeBytes == 4 ? -1 : (1 << (8 * sizeBytes)) - 1;
      mapping.handler.writePort(port & 0xFFFF, sizeBytes, value & ones);
    }
  }
}
