package dev.godwit.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.LongStream;

/**
 * A 64-bit digest of all RAM, to tell whether two machines' RAM is the same. It finds accidents,
 * not attacks.
 *
 * <p>Each page's hash is mixed with its gfn and the results are added up, so that pages can be
 * hashed on all cores; a page that is lost, stale, torn or in another page's place changes the sum.
 */
public final class RamDigest {
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
  private static final long K0 = 0x9E3779B97F4A7C15L;
  private static final long K1 = 0xC2B2AE3D27D4EB4FL;
  private static final long K2 = 0x165667B19E3779F9L;
  private static final long K3 = 0xD6E8FEB86659FD93L;

  /** Pages a task: small enough to share out, large enough not to notice. */
  private static final long CHUNK_PAGES = 4096;

  private RamDigest() {}

  /**
   * Returns the digest of RAM that nobody writes to meanwhile; never 0, which stands for "not
   * taken".
   */
  public static long of(GuestMemory memory) {
    long sum = 0;
    for (GuestMemory.Region region : memory.regions()) {
      MemorySegment pages = memory.view(region.gpa(), region.bytes());
      long firstGfn = region.gpa() >>> GuestMemory.PAGE_SHIFT;
      long count = region.bytes() >>> GuestMemory.PAGE_SHIFT;
      sum +=
          LongStream.range(0, (count + CHUNK_PAGES - 1) / CHUNK_PAGES)
              .parallel()
              .map(
                  chunk ->
                      chunk(
                          pages,
                          firstGfn,
                          chunk * CHUNK_PAGES,
                          Math.min(count, (chunk + 1) * CHUNK_PAGES)))
              .sum();
    }
    return sum == 0 ? 1 : sum;
  }

  private static long chunk(MemorySegment pages, long firstGfn, long from, long to) {
    long sum = 0;
    for (long page = from; page < to; page++) {
      sum += mix(hash(pages, page << GuestMemory.PAGE_SHIFT) ^ mix(firstGfn + page + K3));
    }
    return sum;
  }

  private static long hash(MemorySegment pages, long offset) {
    long a = K0;
    long b = K1;
    long c = K2;
    long d = K3;
    for (long end = offset + GuestMemory.PAGE_BYTES; offset < end; offset += 32) {
      a = Long.rotateLeft((a ^ pages.get(LONG, offset)) * K1, 29);
      b = Long.rotateLeft((b ^ pages.get(LONG, offset + 8)) * K2, 31);
      c = Long.rotateLeft((c ^ pages.get(LONG, offset + 16)) * K3, 33);
      d = Long.rotateLeft((d ^ pages.get(LONG, offset + 24)) * K0, 37);
    }
    return mix(a + Long.rotateLeft(b, 16)) ^ mix(c + Long.rotateLeft(d, 48) + K0);
  }

  /** The finaliser of splitmix64. */
  private static long mix(long z) {
    long x = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    x = (x ^ (x >>> 27)) * 0x94D049BB133111EBL;
    return x ^ (x >>> 31);
  }
}
