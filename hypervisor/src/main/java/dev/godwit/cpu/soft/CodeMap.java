package dev.godwit.cpu.soft;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Which pages of RAM hold decoded code, and of which vCPUs, and which vCPUs may have a write entry
 * of a page in their TLB: a bit per vCPU. Machine-wide.
 *
 * <p>A page with code has no write entry in any TLB, so that every store to it passes {@link
 * Mmu#write}, and devices look here after each write to RAM.
 *
 * <p>Who wants a write entry says so first and then looks whether there is code; who wants to
 * decode claims the page first and then looks who may write. So at least one of two notices the
 * other. Threads: any.
 */
final class CodeMap {
  /** vCPUs that one word can tell apart. */
  static final int MAX_VCPUS = 32;

  private static final int CHUNK_SHIFT = 10;
  private static final int CHUNK_PAGES = 1 << CHUNK_SHIFT;

  private final Bits owners;
  private final Bits writers;

  CodeMap(long framePages) {
    this.owners = new Bits(framePages);
    this.writers = new Bits(framePages);
  }

  /** Returns the vCPUs that have decoded code in the page, as bits. */
  int owners(long gfn) {
    return owners.get(gfn);
  }

  /** Adds an owner. */
  void claim(long gfn, int vcpu) {
    owners.add(gfn, vcpu);
  }

  /** Removes an owner. */
  void release(long gfn, int vcpu) {
    owners.remove(gfn, vcpu);
  }

  /** Returns the vCPUs that may have a write entry of the page, or be about to, as bits. */
  int writers(long gfn) {
    return writers.get(gfn);
  }

  /** Adds a writer; comes before it looks at {@link #owners}. */
  void addWriter(long gfn, int vcpu) {
    writers.add(gfn, vcpu);
  }

  /** Removes a writer, whose entries of the page are gone. */
  void removeWriter(long gfn, int vcpu) {
    writers.remove(gfn, vcpu);
  }

  /** A word of bits for each page, in chunks that come into being when they are needed. */
  private static final class Bits {
    private final AtomicReferenceArray<@Nullable AtomicIntegerArray> chunks;

    private Bits(long framePages) {
      this.chunks =
          new AtomicReferenceArray<>((int) (framePages + CHUNK_PAGES - 1 >>> CHUNK_SHIFT));
    }

    private int get(long gfn) {
      AtomicIntegerArray chunk = chunks.get((int) (gfn >>> CHUNK_SHIFT));
      return chunk == null ? 0 : chunk.get((int) gfn & CHUNK_PAGES - 1);
    }

    private void add(long gfn, int vcpu) {
      int bit = 1 << vcpu;
      if ((get(gfn) & bit) != 0) {
        return;
      }
      int at = (int) (gfn >>> CHUNK_SHIFT);
      AtomicIntegerArray chunk = chunks.get(at);
      if (chunk == null) {
        chunks.compareAndSet(at, null, new AtomicIntegerArray(CHUNK_PAGES));
        chunk = chunks.get(at);
      }
      if (chunk != null) {
        chunk.accumulateAndGet((int) gfn & CHUNK_PAGES - 1, bit, (a, b) -> a | b);
      }
    }

    private void remove(long gfn, int vcpu) {
      AtomicIntegerArray chunk = chunks.get((int) (gfn >>> CHUNK_SHIFT));
      int bit = 1 << vcpu;
      if (chunk != null && (chunk.get((int) gfn & CHUNK_PAGES - 1) & bit) != 0) {
        chunk.accumulateAndGet((int) gfn & CHUNK_PAGES - 1, ~bit, (a, b) -> a & b);
      }
    }
  }
}
