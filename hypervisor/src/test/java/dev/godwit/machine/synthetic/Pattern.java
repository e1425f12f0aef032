package dev.godwit.machine.synthetic;

import dev.godwit.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Page contents that tell who wrote them and when. */
final class Pattern {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Pattern() {}

  /**
   * Fills a page with what {@code owner} writes in {@code step}: incompressible, and different in
   * each step.
   */
  static void fill(byte[] page, long owner, long step) {
    long x = (owner + 1) * 0x9E3779B97F4A7C15L ^ (step + 1) * 0xC2B2AE3D27D4EB4FL;
    for (int offset = 0; offset < page.length; offset += 8) {
      x ^= x << 13;
      x ^= x >>> 7;
      x ^= x << 17;
      LONG.set(page, offset, x);
    }
  }

  static boolean matches(GuestMemory memory, long gfn, byte[] page) {
    MemorySegment held = memory.view(gfn << GuestMemory.PAGE_SHIFT, GuestMemory.PAGE_BYTES);
    return held.mismatch(MemorySegment.ofArray(page)) < 0;
  }
}
