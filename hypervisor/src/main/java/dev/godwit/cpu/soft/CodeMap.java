package dev.godwit.cpu.soft;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Which pages of RAM hold decoded code, and of which vCPUs: a bit per vCPU. Machine-wide.
 *
 * <p>A page in it has no write entry in any TLB, so that every store to it passes {@link
 * Mmu#write}, and devices look here after each write to RAM. Threads: any.
 */
final class CodeMap {
  /** vCPUs that one word can tell apart. */
  static final int MAX_VCPUS = 32;

  private static final int CHUNK_SHIFT = 10;
  private static final int CHUNK_PAGES = 1 << CHUNK_SHIFT;

  private final AtomicReferenceArray<@Nullable AtomicIntegerArray> chunks;

  CodeMap(long framePages) {
    this.chunks = new AtomicReferenceArray<>((int) (framePages + CHUNK_PAGES - 1 >>> CHUNK_SHIFT));
  }

  /** Returns the vCPUs that have decoded code in the page, as bits. */
  int owners(long gfn) {
    AtomicIntegerArray chunk = chunks.get((int) (gfn >>> CHUNK_SHIFT));
    return chunk == null ? 0 : chunk.get((int) gfn & CHUNK_PAGES - 1);
  }

  /** Adds a vCPU. */
  void claim(long gfn, int vcpu) {
    int at = (int) (gfn >>> CHUNK_SHIFT);
    AtomicIntegerArray chunk = chunks.get(at);
    if (chunk == null) {
      chunks.compareAndSet(at, null, new AtomicIntegerArray(CHUNK_PAGES));
      chunk = chunks.get(at);
    }
    if (chunk != null) {
      chunk.accumulateAndGet((int) gfn & CHUNK_PAGES - 1, 1 << vcpu, (a, b) -> a | b);
    }
  }

  /** Removes a vCPU. */
  void release(long gfn, int vcpu) {
    AtomicIntegerArray chunk = chunks.get((int) (gfn >>> CHUNK_SHIFT));
    if (chunk != null) {
      chunk.accumulateAndGet((int) gfn & CHUNK_PAGES - 1, ~(1 << vcpu), (a, b) -> a & b);
    }
  }
}
