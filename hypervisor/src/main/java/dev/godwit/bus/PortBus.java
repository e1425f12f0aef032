package dev.godwit.bus;

import java.util.Optional;
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
  public void map(int firstPort, int count, String owner, PortHandler handler) {
    Optional<String> taken = tryMap(firstPort, count, owner, handler);
    if (taken.isPresent()) {
      throw new IllegalStateException(
          "ports 0x%x + %d wanted by %s belong to %s"
              .formatted(firstPort, count, owner, taken.get()));
    }
  }

  /**
   * Gives ports to a device unless one is taken: then nothing changes, and its owner is returned.
   */
  public synchronized Optional<String> tryMap(
      int firstPort, int count, String owner, PortHandler handler) {
    for (int port = firstPort; port < firstPort + count; port++) {
      Mapping taken = mappings.get(port);
      if (taken != null) {
        return Optional.of(taken.owner);
      }
    }
    Mapping mapping = new Mapping(owner, handler);
    for (int port = firstPort; port < firstPort + count; port++) {
      mappings.set(port, mapping);
    }
    return Optional.empty();
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
