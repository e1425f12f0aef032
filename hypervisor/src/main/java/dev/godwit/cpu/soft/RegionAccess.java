package dev.godwit.cpu.soft;

import dev.godwit.memory.HostMemory;
import java.lang.foreign.ValueLayout;

/**
 * The memory accesses of translated code: those of {@link SoftCpu}, but with the TLB as an
 * argument, which is a constant there. So the JVM's compiler knows the array's length and needs no
 * check of the index.
 */
final class RegionAccess {
  private static final long PAGE_MASK = -4096L;
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;
  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  private RegionAccess() {}

  private static int entry(long lin) {
    return (int) (lin >>> 10) & Mmu.INDEX_MASK;
  }

  // Reads: zero-extended.

  static long read1(long lin, long[] tlb, SoftCpu c) {
    int at = entry(lin);
    return tlb[at] == (lin & PAGE_MASK)
        ? HostMemory.ALL.get(BYTE, tlb[at + Mmu.ADDEND] + lin) & 0xFF
        : c.mmu.read(lin, 1);
  }

  static long read2(long lin, long[] tlb, SoftCpu c) {
    int at = entry(lin);
    return tlb[at] == (lin + 1 & PAGE_MASK)
        ? HostMemory.ALL.get(SHORT, tlb[at + Mmu.ADDEND] + lin) & 0xFFFF
        : c.mmu.read(lin, 2);
  }

  static long read4(long lin, long[] tlb, SoftCpu c) {
    int at = entry(lin);
    return tlb[at] == (lin + 3 & PAGE_MASK)
        ? HostMemory.ALL.get(INT, tlb[at + Mmu.ADDEND] + lin) & 0xFFFF_FFFFL
        : c.mmu.read(lin, 4);
  }

  static long read8(long lin, long[] tlb, SoftCpu c) {
    int at = entry(lin);
    return tlb[at] == (lin + 7 & PAGE_MASK)
        ? HostMemory.ALL.get(LONG, tlb[at + Mmu.ADDEND] + lin)
        : c.mmu.read(lin, 8);
  }

  /** As {@link #read8}, of the stack. */
  static long pop(long lin, long[] tlb, SoftCpu c) {
    int at = entry(lin);
    return tlb[at] == (lin + 7 & PAGE_MASK)
        ? HostMemory.ALL.get(LONG, tlb[at + Mmu.ADDEND] + lin)
        : slowPop(lin, c);
  }

  private static long slowPop(long lin, SoftCpu c) {
    c.mmu.checkStack(lin, 8);
    return c.mmu.read(lin, 8);
  }

  // Writes: true if the region must end after this instruction, since its code has been written.

  static boolean write1(long lin, long value, long[] tlb, SoftCpu c, Region region) {
    int at = entry(lin);
    if (tlb[at + Mmu.WRITE_TAG] == (lin & PAGE_MASK)) {
      long hva = tlb[at + Mmu.ADDEND] + lin;
      HostMemory.ALL.set(BYTE, hva, (byte) value);
      return false;
    }
    return slowWrite(lin, 1, value, c, region);
  }

  static boolean write2(long lin, long value, long[] tlb, SoftCpu c, Region region) {
    int at = entry(lin);
    if (tlb[at + Mmu.WRITE_TAG] == (lin + 1 & PAGE_MASK)) {
      long hva = tlb[at + Mmu.ADDEND] + lin;
      HostMemory.ALL.set(SHORT, hva, (short) value);
      return false;
    }
    return slowWrite(lin, 2, value, c, region);
  }

  static boolean write4(long lin, long value, long[] tlb, SoftCpu c, Region region) {
    int at = entry(lin);
    if (tlb[at + Mmu.WRITE_TAG] == (lin + 3 & PAGE_MASK)) {
      long hva = tlb[at + Mmu.ADDEND] + lin;
      HostMemory.ALL.set(INT, hva, (int) value);
      return false;
    }
    return slowWrite(lin, 4, value, c, region);
  }

  static boolean write8(long lin, long value, long[] tlb, SoftCpu c, Region region) {
    int at = entry(lin);
    if (tlb[at + Mmu.WRITE_TAG] == (lin + 7 & PAGE_MASK)) {
      long hva = tlb[at + Mmu.ADDEND] + lin;
      HostMemory.ALL.set(LONG, hva, value);
      return false;
    }
    return slowWrite(lin, 8, value, c, region);
  }

  /** As {@link #write8}, to the stack. */
  static boolean push(long lin, long value, long[] tlb, SoftCpu c, Region region) {
    int at = entry(lin);
    if (tlb[at + Mmu.WRITE_TAG] == (lin + 7 & PAGE_MASK)) {
      long hva = tlb[at + Mmu.ADDEND] + lin;
      HostMemory.ALL.set(LONG, hva, value);
      return false;
    }
    c.mmu.checkStack(lin, 8);
    return slowWrite(lin, 8, value, c, region);
  }

  private static boolean slowWrite(long lin, int bytes, long value, SoftCpu c, Region region) {
    c.mmu.write(lin, bytes, value);
    return region.dead;
  }

  // Read-modify-writes.

  /** See {@link SoftCpu#updateHva}. */
  static long updateHva(long lin, int bytes, long[] tlb, SoftCpu c) {
    int at = entry(lin);
    return tlb[at + Mmu.WRITE_TAG] == (lin + bytes - 1 & PAGE_MASK)
        ? tlb[at + Mmu.ADDEND] + lin
        : c.mmu.updateHva(lin, bytes);
  }

  static long get1(long hva) {
    return HostMemory.ALL.get(BYTE, hva) & 0xFF;
  }

  static long get2(long hva) {
    return HostMemory.ALL.get(SHORT, hva) & 0xFFFF;
  }

  static long get4(long hva) {
    return HostMemory.ALL.get(INT, hva) & 0xFFFF_FFFFL;
  }

  static long get8(long hva) {
    return HostMemory.ALL.get(LONG, hva);
  }

  static void put1(long hva, long value) {
    HostMemory.ALL.set(BYTE, hva, (byte) value);
  }

  static void put2(long hva, long value) {
    HostMemory.ALL.set(SHORT, hva, (short) value);
  }

  static void put4(long hva, long value) {
    HostMemory.ALL.set(INT, hva, (int) value);
  }

  static void put8(long hva, long value) {
    HostMemory.ALL.set(LONG, hva, value);
  }
}
