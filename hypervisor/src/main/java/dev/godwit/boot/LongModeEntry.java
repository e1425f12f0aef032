package dev.godwit.boot;

import dev.godwit.bus.AddressMap;
import dev.godwit.cpu.VcpuState;
import dev.godwit.cpu.VcpuState.Segment;
import dev.godwit.memory.GuestMemory;
import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The state in which the 64-bit boot protocol enters a kernel (boot.rst, "64-bit Boot Protocol"):
 * long mode, paging with an identity map of the first 4 GiB, flat segments with the selectors 0x10
 * and 0x18, interrupts off, RSI = boot parameters.
 */
public final class LongModeEntry {
  private static final long PAGE_BYTES = 4096;
  private static final long LARGE_PAGE_BYTES = 2 << 20;
  private static final int TABLE_ENTRIES = 512;
  private static final int DIRECTORIES = 4;

  private static final long PRESENT_WRITABLE = 0x3;
  private static final long LARGE_ACCESSED_DIRTY = 0xE0;

  private static final long PML4_GPA = AddressMap.BOOT_TABLES_GPA;
  private static final long PDPT_GPA = PML4_GPA + PAGE_BYTES;
  private static final long DIRECTORIES_GPA = PDPT_GPA + PAGE_BYTES;
  private static final long GDT_GPA = DIRECTORIES_GPA + DIRECTORIES * PAGE_BYTES;

  private static final int CODE_SELECTOR = 0x10;
  private static final int DATA_SELECTOR = 0x18;
  private static final long CODE_DESCRIPTOR = 0x00AF_9B00_0000_FFFFL;
  private static final long DATA_DESCRIPTOR = 0x00CF_9300_0000_FFFFL;
  private static final int GDT_BYTES = 32;

  /** Present, execute/read, accessed; L and G. */
  private static final int CODE_ATTRIBUTES = 0xA09B;

  /** Present, read/write, accessed; B and G. */
  private static final int DATA_ATTRIBUTES = 0xC093;

  /** A busy 64-bit TSS at zero: never used, but VMX refuses to enter without one. */
  private static final Segment TASK = new Segment(0, 0, 0x67, 0x8B);

  private static final Segment NO_LDT = new Segment(0, 0, 0, 0x1_0000);

  private static final int RSP = 4;
  private static final int RSI = 6;
  private static final long RFLAGS_FIXED = 0x2;
  private static final long CR0_PE_ET_NE_PG = 0x8000_0031L;
  private static final long CR4_PAE = 0x20;
  private static final int MSR_EFER = 0xC000_0080;
  private static final long EFER_LME_LMA = 0x500;

  private LongModeEntry() {}

  /**
   * Writes page and descriptor tables and returns the state that uses them.
   *
   * @param atReset the vCPU's reset state, which everything that the protocol leaves open is taken
   *     from
   */
  public static VcpuState prepare(GuestMemory memory, VcpuState atReset, long entryGpa) {
    writeTables(memory);
    long[] gpr = new long[16];
    gpr[RSI] = AddressMap.BOOT_PARAMS_GPA;
    // No stack is promised; this one is small and out of the way, for kernels that push before they
    // have their own.
    gpr[RSP] = AddressMap.BOOT_PARAMS_GPA - 16;
    Segment code = new Segment(CODE_SELECTOR, 0, -1, CODE_ATTRIBUTES);
    Segment data = new Segment(DATA_SELECTOR, 0, -1, DATA_ATTRIBUTES);
    SortedMap<Integer, Long> msrs = new TreeMap<>(atReset.msrs());
    msrs.put(MSR_EFER, EFER_LME_LMA);
    return new VcpuState(
        gpr,
        entryGpa,
        RFLAGS_FIXED,
        List.of(data, code, data, data, data, data),
        NO_LDT,
        TASK,
        new VcpuState.Table(GDT_GPA, GDT_BYTES - 1),
        new VcpuState.Table(0, 0),
        new VcpuState.Control(CR0_PE_ET_NE_PG, 0, PML4_GPA, CR4_PAE, 0),
        atReset.debug(),
        Collections.unmodifiableSortedMap(msrs),
        atReset.fxsave(),
        VcpuState.Activity.RUNNING,
        false,
        false);
  }

  private static void writeTables(GuestMemory memory) {
    memory.zero(PML4_GPA, GDT_GPA + PAGE_BYTES - PML4_GPA);
    memory.write64(PML4_GPA, PDPT_GPA | PRESENT_WRITABLE);
    for (int i = 0; i < DIRECTORIES; i++) {
      memory.write64(PDPT_GPA + 8 * i, DIRECTORIES_GPA + i * PAGE_BYTES | PRESENT_WRITABLE);
    }
    for (int i = 0; i < DIRECTORIES * TABLE_ENTRIES; i++) {
      memory.write64(
          DIRECTORIES_GPA + 8 * i, i * LARGE_PAGE_BYTES | LARGE_ACCESSED_DIRTY | PRESENT_WRITABLE);
    }
    memory.write64(GDT_GPA + CODE_SELECTOR, CODE_DESCRIPTOR);
    memory.write64(GDT_GPA + DATA_SELECTOR, DATA_DESCRIPTOR);
  }
}
