package dev.godwit.e2e.bench;

import dev.godwit.memory.GuestMemory;

/**
 * Huge pages of this host that have been touched a moment ago. On a virtual machine whose own host
 * takes unused memory back, the first touch of it costs up to fifty times what it costs elsewhere
 * (4 s a GiB were seen where the second touch took 0.1), more than a whole migration, and whom it
 * hits is chance. So as much as a destination is about to need is touched before, and given back to
 * the kernel at the last moment: what the kernel then hands out costs both systems the same.
 */
final class FreshMemory {
  private final GuestMemory memory;
  private final double secondsPerGib;

  /** Touches so much memory. */
  FreshMemory(long bytes) {
    long start = System.nanoTime();
    memory = GuestMemory.allocate(bytes); // anonymous and huge, as guests' RAM on both systems
    for (GuestMemory.Region region : memory.regions()) {
      for (long offset = 0; offset < region.bytes(); offset += GuestMemory.PAGE_BYTES) {
        memory.write8(region.gpa() + offset, 1);
      }
    }
    secondsPerGib = (System.nanoTime() - start) / 1e9 / bytes * (1L << 30);
  }

  /** Returns what the touch cost. */
  double secondsPerGib() {
    return secondsPerGib;
  }

  /** Gives it back. */
  void release() {
    memory.close();
  }
}
