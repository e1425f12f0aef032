package dev.godwit.bus;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Guest physical addresses that are not RAM. Nobody at home reads as all ones and swallows writes.
 *
 * <p>Threads: any; a mapping is visible to accesses that start after {@link #map} returned.
 */
public final class MmioBus {
  private record Mapping(long gpa, long bytes, String owner, MmioHandler handler) {
    boolean holds(long address) {
      return Long.compareUnsigned(address - gpa, bytes) < 0;
    }
  }

  private volatile List<Mapping> mappings = List.of();

  /**
   * Gives a range to a device.
   *
   * @throws IllegalStateException if it overlaps another; the message names both owners
   */
  public void map(long gpa, long bytes, String owner, MmioHandler handler) {
    Optional<String> taken = tryMap(gpa, bytes, owner, handler);
    if (taken.isPresent()) {
      throw new IllegalStateException(
          "MMIO range 0x%x + 0x%x wanted by %s overlaps %s"
              .formatted(gpa, bytes, owner, taken.get()));
    }
  }

  /**
   * Gives a range to a device unless it overlaps another: then nothing changes, and the other's
   * owner is returned.
   */
  public synchronized Optional<String> tryMap(
      long gpa, long bytes, String owner, MmioHandler handler) {
    for (Mapping other : mappings) {
      if (gpa < other.gpa + other.bytes && other.gpa < gpa + bytes) {
        return Optional.of(other.owner);
      }
    }
    List<Mapping> next = new ArrayList<>(mappings);
    next.add(new Mapping(gpa, bytes, owner, handler));
    mappings = List.copyOf(next);
    return Optional.empty();
  }

  /** Takes back the range that starts at {@code gpa}, if there is one. */
  public synchronized void unmap(long gpa) {
    List<Mapping> next = new ArrayList<>(mappings);
    next.removeIf(mapping -> mapping.gpa == gpa);
    mappings = List.copyOf(next);
  }

  /** Reads 1, 2, 4 or 8 bytes. */
  public long read(long gpa, int sizeBytes) {
    Mapping mapping = find(gpa);
    long ones = sizeBytes == 8 ? -1 : (1L << (8 * sizeBytes)) - 1;
    return mapping == null ? ones : mapping.handler.readMmio(gpa - mapping.gpa, sizeBytes) & ones;
  }

  /** Writes 1, 2, 4 or 8 bytes. */
  public void write(long gpa, int sizeBytes, long value) {
    Mapping mapping = find(gpa);
    if (mapping != null) {
      long ones = sizeBytes == 8 ? -1 : (1L << (8 * sizeBytes)) - 1;
      mapping.handler.writeMmio(gpa - mapping.gpa, sizeBytes, value & ones);
    }
  }

  private @Nullable Mapping find(long gpa) {
    for (Mapping mapping : mappings) {
      if (mapping.holds(gpa)) {
        return mapping;
      }
    }
    return null;
  }
}
