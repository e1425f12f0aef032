package dev.godwit.cpu.soft;

import dev.godwit.memory.DirtyMap;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.HostMemory;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * The guest's page tables: 32-bit, PAE and 4-level paging (SDM vol. 3A ch. 4), with accessed and
 * dirty bits.
 *
 * <p>{@link #translate} returns the gpa and leaves what else the TLB must know in the fields.
 * Accessed and dirty bits are set atomically after every check has passed, and the tables' own
 * pages are marked as written.
 */
final class PageWalk {
  /** Kinds of access, as in a page fault's error code. */
  static final int READ = 0;

  static final int WRITE = 2;
  static final int FETCH = 16;

  private static final long PRESENT = 1;
  private static final long WRITABLE = 2;
  private static final long USER = 4;
  private static final long ACCESSED = 0x20;
  private static final long DIRTY = 0x40;
  private static final long LARGE = 0x80;
  private static final long GLOBAL = 0x100;
  private static final long NO_EXECUTE = 1L << 63;

  private static final long FRAME = (1L << Cr.PHYSICAL_BITS) - 1 & -4096L;
  private static final long BEYOND_PHYSICAL = (1L << 52) - (1L << Cr.PHYSICAL_BITS);

  private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();
  private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();

  private final SoftCpu c;
  private final GuestMemory memory;
  private final long baseHva;

  /** PAE's four page-directory-pointer entries, loaded with CR3. */
  private final long[] pdptes = new long[4];

  // Entries of the walk under way, to set their accessed bits at its end.
  private final long[] entryGpa = new long[4];
  private final long[] entryValue = new long[4];

  /** Whether the page may be written at the privilege of the walk, and its dirty bit is set. */
  boolean writable;

  /** Whether the entry survives a load of CR3. */
  boolean global;

  /** log2 of the page's size. */
  int pageShift;

  PageWalk(SoftCpu c) {
    this.c = c;
    this.memory = c.ports.memory();
    this.baseHva = memory.baseHva();
  }

  /**
   * Translates a canonical linear address.
   *
   * @param access {@link #READ}, {@link #WRITE} or {@link #FETCH}
   * @throws GuestFault #PF
   */
  long translate(long lin, int access, boolean user) {
    if ((c.cr0 & Cr.PG) == 0) {
      writable = true;
      global = false;
      pageShift = 12;
      return lin & 0xFFFF_FFFFL;
    }
    while (true) {
      long gpa =
          (c.efer & Cr.LMA) != 0
              ? walkWide(lin, access, user, c.cr3 & FRAME, 3)
              : (c.cr4 & Cr.PAE) != 0 ? walkPae(lin, access, user) : walk32(lin, access, user);
      if (gpa >= 0) {
        return gpa;
      }
    }
  }

  private long walkPae(long lin, int access, boolean user) {
    long pdpte = pdptes[(int) (lin >>> 30) & 3];
    if ((pdpte & PRESENT) == 0) {
      throw fault(lin, access, user, 0);
    }
    return walkWide(lin, access, user, pdpte & FRAME, 1);
  }

  /** Loads the PDPTEs of PAE paging from memory; returns false where MOV to CR3 raises #GP. */
  boolean loadPdptes(long cr3) {
    for (int i = 0; i < 4; i++) {
      long entry = readEntry64((cr3 & 0xFFFF_FFE0L) + 8L * i);
      if ((entry & PRESENT) != 0 && (entry & (0x1E6L | ~((1L << Cr.PHYSICAL_BITS) - 1))) != 0) {
        return false;
      }
      pdptes[i] = entry;
    }
    return true;
  }

  /** Walks tables of 64-bit entries from a level down; -1 if an entry changed meanwhile. */
  private long walkWide(long lin, int access, boolean user, long table, int top) {
    long all = -1;
    long any = 0;
    boolean noExecute = (c.efer & Cr.NXE) != 0;
    int level = top;
    while (true) {
      long gpa = table + ((lin >>> 12 + 9 * level & 511) << 3);
      long entry = readEntry64(gpa);
      if ((entry & PRESENT) == 0) {
        throw fault(lin, access, user, 0);
      }
      boolean large = level > 0 && (entry & LARGE) != 0;
      long reserved = BEYOND_PHYSICAL | (noExecute ? 0 : NO_EXECUTE);
      if (large) {
        reserved |= level == 3 ? LARGE : (1L << 12 + 9 * level) - 0x2000;
      }
      if ((entry & reserved) != 0) {
        throw fault(lin, access, user, 1 | 8);
      }
      entryGpa[level] = gpa;
      entryValue[level] = entry;
      all &= entry;
      any |= entry;
      if (level == 0 || large) {
        int shift = 12 + 9 * level;
        checkRights(lin, access, user, all, noExecute && any < 0);
        if (!setAccessed64(level, top, access == WRITE)) {
          return -1;
        }
        long leaf = entry | (access == WRITE ? DIRTY : 0);
        finish(leaf, all, user, shift);
        long offset = (1L << shift) - 1;
        return entry & FRAME & ~offset | lin & offset;
      }
      table = entry & FRAME;
      level--;
    }
  }

  private boolean setAccessed64(int leaf, int top, boolean write) {
    for (int level = top; level >= leaf; level--) {
      long entry = entryValue[level];
      long wanted = entry | ACCESSED | (write && level == leaf ? DIRTY : 0);
      if (wanted != entry) {
        if (!LONG.compareAndSet(HostMemory.ALL, baseHva + entryGpa[level], entry, wanted)) {
          return false;
        }
        DirtyMap.markAt((baseHva + entryGpa[level] >>> 12) + c.markBias);
      }
    }
    return true;
  }

  private long walk32(long lin, int access, boolean user) {
    long directoryGpa = (c.cr3 & 0xFFFF_F000L) + (lin >>> 22 << 2 & 0xFFC);
    int directory = readEntry32(directoryGpa);
    if ((directory & PRESENT) == 0) {
      throw fault(lin, access, user, 0);
    }
    if ((directory & LARGE) != 0 && (c.cr4 & Cr.PSE) != 0) {
      // PSE-36: bits 20–13 are address bits 39–32, bit 21 is reserved.
      if ((directory & 1 << 21) != 0) {
        throw fault(lin, access, user, 1 | 8);
      }
      checkRights(lin, access, user, directory, false);
      if (!setBits32(directoryGpa, directory, access == WRITE)) {
        return -1;
      }
      finish(directory | (access == WRITE ? DIRTY : 0), directory, user, 22);
      return directory & 0xFFC0_0000L | (directory >>> 13 & 0xFFL) << 32 | lin & 0x3F_FFFF;
    }
    long tableGpa = (directory & 0xFFFF_F000L) + (lin >>> 12 << 2 & 0xFFC);
    int entry = readEntry32(tableGpa);
    if ((entry & PRESENT) == 0) {
      throw fault(lin, access, user, 0);
    }
    long all = directory & entry;
    checkRights(lin, access, user, all, false);
    if (!setBits32(directoryGpa, directory, false)
        || !setBits32(tableGpa, entry, access == WRITE)) {
      return -1;
    }
    finish(entry | (access == WRITE ? DIRTY : 0), all, user, 12);
    return entry & 0xFFFF_F000L | lin & 0xFFF;
  }

  private boolean setBits32(long gpa, int entry, boolean write) {
    int wanted = entry | (int) ACCESSED | (write ? (int) DIRTY : 0);
    if (wanted != entry) {
      if (!INT.compareAndSet(HostMemory.ALL, baseHva + gpa, entry, wanted)) {
        return false;
      }
      DirtyMap.markAt((baseHva + gpa >>> 12) + c.markBias);
    }
    return true;
  }

  private void checkRights(long lin, int access, boolean user, long all, boolean noExecute) {
    boolean allowed =
        (!user || (all & USER) != 0)
            && (access != WRITE || (all & WRITABLE) != 0 || !user && (c.cr0 & Cr.WP) == 0)
            && (access != FETCH || !noExecute);
    if (!allowed) {
      throw fault(lin, access, user, 1);
    }
  }

  private void finish(long leaf, long all, boolean user, int shift) {
    writable = (leaf & DIRTY) != 0 && ((all & WRITABLE) != 0 || !user && (c.cr0 & Cr.WP) == 0);
    global = (leaf & GLOBAL) != 0 && (c.cr4 & Cr.PGE) != 0;
    pageShift = shift;
  }

  private GuestFault fault(long lin, int access, boolean user, int bits) {
    int kind = access != FETCH || (c.efer & Cr.NXE) != 0 && ((c.cr4 & Cr.PAE) != 0) ? access : 0;
    return GuestFault.page(lin, bits | kind | (user ? 4 : 0));
  }

  /** Reads a table entry; where there is no RAM, all ones, which is a reserved-bit fault. */
  private long readEntry64(long gpa) {
    return memory.isRam(gpa, 8) ? (long) LONG.getOpaque(HostMemory.ALL, baseHva + gpa) : -1;
  }

  private int readEntry32(long gpa) {
    // A 32-bit entry has no reserved bits to fault on: no RAM reads as not present.
    return memory.isRam(gpa, 4) ? (int) INT.getOpaque(HostMemory.ALL, baseHva + gpa) : 0;
  }
}
