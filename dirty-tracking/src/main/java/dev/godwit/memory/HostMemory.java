package dev.godwit.memory;

import java.lang.foreign.MemorySegment;

/**
 * The whole address space of this process as one segment, addressed by host virtual address (hva).
 *
 * <p>A constant base is what lets the JIT compile an access to a single move: a segment held in an
 * instance field costs up to 2.5 times as much on the CPU engine's hot path. The price is that
 * nothing checks an hva here, so only code that has just translated and checked a guest address may
 * use it: the engine's TLB, and this package.
 */
public final class HostMemory {
  /** Every address; offset = hva. */
  public static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private HostMemory() {}
}
