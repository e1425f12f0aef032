package dev.godwit.cpu.soft;

import dev.godwit.cpu.LocalApicPort;
import dev.godwit.memory.DirtyMap;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.HostMemory;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The software TLB and every access that misses it: page walks, page-crossing, MMIO, the local
 * APIC's page, stores to decoded code.
 *
 * <p>Two direct-mapped TLBs, for user and supervisor accesses. An entry has a read tag and a write
 * tag (the page's linear address, or {@link #NO_PAGE}) and an addend: hva = lin + addend. A write
 * tag is there only if a store needs nothing but the store: page writable, its dirty bit set, RAM,
 * no decoded code in it, and marked in the {@link DirtyMap}, whose harvests take all write tags
 * away. Fetches have smaller TLBs of their own that give gpas.
 */
final class Mmu {
  private static final int ENTRIES = 2048;

  // An entry is four longs: read tag, write tag, addend, kind.
  private static final int ENTRY_LONGS = 4;
  static final int WRITE_TAG = 1;
  static final int ADDEND = 2;
  private static final int KIND = 3;

  /** {@code (lin >>> 10) & INDEX_MASK} is where a page's entry starts. */
  static final int INDEX_MASK = (ENTRIES - 1) * ENTRY_LONGS;

  private static final int FETCH_ENTRIES = 1024;
  private static final int FETCH_MASK = FETCH_ENTRIES - 1;

  /** Beyond this many local translations a flush goes through the whole TLB. */
  private static final int MAX_LOCALS = 512;

  /** No page has this tag: its low bits are not zero. */
  private static final long NO_PAGE = 1;

  private static final long PAGE_MASK = -4096L;

  private static final byte GLOBAL = 1;

  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  private final SoftCpu c;
  private final GuestMemory memory;
  private final LocalApicPort apic;
  private final long baseHva;
  final PageWalk walk;

  private final long[][] tlbs = new long[2][ENTRIES * ENTRY_LONGS];
  private final long[] noTlb = new long[ENTRIES * ENTRY_LONGS];

  /** Entries that a load of CR3 drops, by their start; complete while the count is in bounds. */
  private final int[][] locals = new int[2][MAX_LOCALS];

  private final int[] localCount = new int[2];

  /** The range of linear addresses that have entries of large pages. */
  private final long[] largeFirst = new long[2];

  private final long[] largeLast = new long[2];
  private final long[][] fetchTags = new long[2][FETCH_ENTRIES];
  private final long[][] fetchGpas = new long[2][FETCH_ENTRIES];
  private final byte[][] fetchKinds = new byte[2][FETCH_ENTRIES];

  /** Whether every page that blocks of this epoch come from still has its fetch entry. */
  private final boolean[] fetchComplete = new boolean[2];

  /** Whether a translation that is not global was used to fetch since they were last flushed. */
  private final boolean[] localFetched = new boolean[2];

  Mmu(SoftCpu c) {
    this.c = c;
    this.memory = c.ports.memory();
    this.apic = c.ports.apic();
    this.baseHva = memory.baseHva();
    this.walk = new PageWalk(c);
    Arrays.fill(noTlb, NO_PAGE);
    clear(0);
    clear(1);
  }

  long[] tlb(int user) {
    return tlbs[user];
  }

  /** Returns a TLB that nothing hits. */
  long[] noTlb() {
    return noTlb;
  }

  /**
   * Says whether every access must come through here: alignment checks are on, or data breakpoints.
   */
  boolean everySlow() {
    return alignmentChecked() || Breakpoints.watchesData(c.dr[7]);
  }

  private boolean alignmentChecked() {
    return c.cpl == 3 && (c.flagsRest & Flags.AC) != 0 && (c.cr0 & Cr.AM) != 0;
  }

  // Flushes.

  private void clear(int user) {
    Arrays.fill(tlbs[user], NO_PAGE);
    Arrays.fill(fetchTags[user], NO_PAGE);
    localCount[user] = 0;
    largeFirst[user] = Long.MAX_VALUE;
    largeLast[user] = Long.MIN_VALUE;
    fetchComplete[user] = true;
    localFetched[user] = false;
  }

  /** Forgets every translation: paging mode, PGE, WP, NXE or the privilege of pages changed. */
  void flushAll() {
    clear(0);
    clear(1);
    c.blocks.mappingChanged();
  }

  /** Forgets every translation that is not global: MOV to CR3. */
  void flushLocal() {
    for (int user = 0; user < 2; user++) {
      long[] tlb = tlbs[user];
      if (localCount[user] <= MAX_LOCALS) {
        for (int i = 0; i < localCount[user]; i++) {
          dropLocal(tlb, locals[user][i]);
        }
      } else {
        for (int at = 0; at < tlb.length; at += ENTRY_LONGS) {
          dropLocal(tlb, at);
        }
      }
      localCount[user] = 0;
      if (localFetched[user]) {
        flushLocalFetches(user);
      }
    }
  }

  private static void dropLocal(long[] tlb, int at) {
    if ((tlb[at + KIND] & GLOBAL) == 0) {
      tlb[at] = NO_PAGE;
      tlb[at + WRITE_TAG] = NO_PAGE;
    }
  }

  private void flushLocalFetches(int user) {
    byte[] kind = fetchKinds[user];
    long[] tags = fetchTags[user];
    for (int i = 0; i < FETCH_ENTRIES; i++) {
      if ((kind[i] & GLOBAL) == 0) {
        tags[i] = NO_PAGE;
      }
    }
    localFetched[user] = false;
    fetchComplete[user] = true;
    c.blocks.mappingChanged(user);
  }

  /** Forgets the translation of one linear address, the whole of its page if that is large. */
  void flushPage(long lin) {
    long page = lin & PAGE_MASK;
    int at = (int) (page >>> 10) & INDEX_MASK;
    int fetchAt = (int) (page >>> 12) & FETCH_MASK;
    for (int user = 0; user < 2; user++) {
      if (page >= largeFirst[user] && page <= largeLast[user]) {
        // Pieces of the large page may be anywhere.
        clear(user);
        c.blocks.mappingChanged(user);
        continue;
      }
      long[] tlb = tlbs[user];
      if (tlb[at] == page || tlb[at + WRITE_TAG] == page) {
        tlb[at] = NO_PAGE;
        tlb[at + WRITE_TAG] = NO_PAGE;
      }
      boolean fetched = fetchTags[user][fetchAt] == page;
      if (fetched) {
        fetchTags[user][fetchAt] = NO_PAGE;
      }
      // Blocks rely on what a fetch entry said even when that has been replaced since.
      if (fetched || !fetchComplete[user]) {
        fetchComplete[user] = true;
        c.blocks.mappingChanged(user);
      }
    }
  }

  /** Takes every write entry away: the pages are not marked as dirty any more. */
  void dropWrites() {
    for (long[] tlb : tlbs) {
      for (int at = WRITE_TAG; at < tlb.length; at += ENTRY_LONGS) {
        tlb[at] = NO_PAGE;
      }
    }
  }

  /** Takes the write entries of a page of RAM away: it holds code from now on. */
  void protectCode(long gfn) {
    long pageHva = baseHva + (gfn << 12);
    for (long[] tlb : tlbs) {
      for (int at = 0; at < tlb.length; at += ENTRY_LONGS) {
        if (tlb[at + WRITE_TAG] + tlb[at + ADDEND] == pageHva) {
          tlb[at + WRITE_TAG] = NO_PAGE;
        }
      }
    }
    c.blocks.writesNoMore(gfn);
  }

  // Translation.

  /**
   * Raises #GP(0) for addresses that are not canonical in long mode; wraps to 32 bits elsewhere.
   */
  private long checkedLin(long lin, int bytes) {
    if (!c.longMode()) {
      return lin & 0xFFFF_FFFFL;
    }
    if (!Cr.canonical(lin) || !Cr.canonical(lin + bytes - 1)) {
      throw GuestFault.of(GuestFault.GP);
    }
    return lin;
  }

  /** Raises #SS(0) for a stack address that is not canonical. */
  void checkStack(long lin, int bytes) {
    if (!Cr.canonical(lin) || !Cr.canonical(lin + bytes - 1)) {
      throw GuestFault.of(GuestFault.SS);
    }
  }

  private void checkAccess(long lin, int bytes, boolean write) {
    if (alignmentChecked() && bytes <= 8 && (lin & bytes - 1) != 0) {
      throw GuestFault.of(GuestFault.AC);
    }
    if (Breakpoints.watchesData(c.dr[7])) {
      Breakpoints.noteData(c, lin, bytes, write);
    }
  }

  /** Translates and keeps the translation; returns the gpa. */
  private long translate(long lin, int access, int user) {
    long gpa = walk.translate(lin, access, user == 1);
    fill(lin, gpa, access == PageWalk.WRITE, user);
    return gpa;
  }

  private void fill(long lin, long gpa, boolean write, int user) {
    long pageGpa = gpa & PAGE_MASK;
    if (!memory.isRam(pageGpa, 4096) || isApicPage(pageGpa)) {
      return;
    }
    long mark = (baseHva + pageGpa >>> 12) + c.markBias;
    if (write) {
      DirtyMap.markAt(mark);
    }
    boolean marked = write || DirtyMap.isMarkedAt(mark);
    long page = lin & PAGE_MASK;
    int at = (int) (page >>> 10) & INDEX_MASK;
    long[] tlb = tlbs[user];
    tlb[at] = page;
    tlb[at + WRITE_TAG] =
        walk.writable && marked && c.blocks.mayWrite(pageGpa >>> 12) ? page : NO_PAGE;
    tlb[at + ADDEND] = baseHva + pageGpa - page;
    tlb[at + KIND] = walk.global ? GLOBAL : 0;
    if (!walk.global) {
      if (localCount[user] < MAX_LOCALS) {
        locals[user][localCount[user]] = at;
      }
      localCount[user] = Math.min(localCount[user], MAX_LOCALS) + 1;
    }
    if (walk.pageShift > 12) {
      noteLarge(user, page);
    }
  }

  /**
   * Widens the range in which INVLPG must expect pieces of large pages, by the whole large page.
   */
  private void noteLarge(int user, long page) {
    long first = page & -(1L << walk.pageShift);
    largeFirst[user] = Math.min(largeFirst[user], first);
    largeLast[user] = Math.max(largeLast[user], first + (1L << walk.pageShift) - 1);
  }

  /**
   * Translates for a fetch.
   *
   * @return the gpa
   */
  long translateFetch(long lin) {
    if (c.longMode() && !Cr.canonical(lin)) {
      throw GuestFault.of(GuestFault.GP);
    }
    int user = c.cpl == 3 ? 1 : 0;
    long page = lin & PAGE_MASK;
    int at = (int) (page >>> 12) & FETCH_MASK;
    if (fetchTags[user][at] != page) {
      long gpa = walk.translate(lin, PageWalk.FETCH, user == 1) & PAGE_MASK;
      if (fetchTags[user][at] != NO_PAGE) {
        fetchComplete[user] = false;
      }
      fetchGpas[user][at] = gpa;
      fetchTags[user][at] = page;
      fetchKinds[user][at] = walk.global ? GLOBAL : 0;
      localFetched[user] |= !walk.global;
      if (walk.pageShift > 12) {
        noteLarge(user, page);
      }
    }
    return fetchGpas[user][at] | lin & 0xFFF;
  }

  // Accesses that missed.

  private int userNow() {
    return c.cpl == 3 ? 1 : 0;
  }

  /** Reads 1–8 bytes, zero-extended. */
  long read(long lin, int bytes) {
    long at = checkedLin(lin, bytes);
    checkAccess(at, bytes, false);
    return readAs(at, bytes, userNow());
  }

  private long readAs(long lin, int bytes, int user) {
    int entry = (int) (lin >>> 10) & INDEX_MASK;
    if (tlbs[user][entry] == (lin + bytes - 1 & PAGE_MASK)) {
      return load(tlbs[user][entry + ADDEND] + lin, bytes);
    }
    int first = 4096 - (int) (lin & 0xFFF);
    if (bytes <= first) {
      return physicalRead(translate(lin, PageWalk.READ, user), bytes);
    }
    long low = translate(lin, PageWalk.READ, user);
    long high = translate(next(lin), PageWalk.READ, user);
    return physicalRead(low, first) | physicalRead(high, bytes - first) << 8 * first;
  }

  /** Writes 1–8 bytes. */
  void write(long lin, int bytes, long value) {
    long at = checkedLin(lin, bytes);
    checkAccess(at, bytes, true);
    writeAs(at, bytes, value, userNow());
  }

  /** Writes with the rights of user or supervisor, whatever CPL is now. */
  void writeAs(long lin, int bytes, long value, int user) {
    int entry = (int) (lin >>> 10) & INDEX_MASK;
    if (tlbs[user][entry + WRITE_TAG] == (lin + bytes - 1 & PAGE_MASK)) {
      store(tlbs[user][entry + ADDEND] + lin, bytes, value);
      return;
    }
    int first = 4096 - (int) (lin & 0xFFF);
    if (bytes <= first) {
      physicalWrite(translate(lin, PageWalk.WRITE, user), bytes, value);
      return;
    }
    long low = translate(lin, PageWalk.WRITE, user);
    long high = translate(next(lin), PageWalk.WRITE, user);
    physicalWrite(low, first, value);
    physicalWrite(high, bytes - first, value >>> 8 * first);
  }

  /** Returns the start of the page after the address's, wrapped in legacy modes. */
  private long next(long lin) {
    long next = (lin & PAGE_MASK) + 4096;
    return c.longMode() ? next : next & 0xFFFF_FFFFL;
  }

  /** See {@link SoftCpu#probeWrite}. */
  void probeWrite(long lin, int bytes) {
    long at = checkedLin(lin, bytes);
    checkAccess(at, bytes, true);
    probeAs(at, bytes, userNow());
  }

  /** As {@link #probeWrite} with given rights. */
  void probeAs(long lin, int bytes, int user) {
    if (tlbs[user][((int) (lin >>> 10) & INDEX_MASK) + WRITE_TAG]
        == (lin + bytes - 1 & PAGE_MASK)) {
      return;
    }
    translate(lin, PageWalk.WRITE, user);
    if ((lin & 0xFFF) + bytes > 4096) {
      translate(next(lin), PageWalk.WRITE, user);
    }
  }

  /** See {@link SoftCpu#readHva}. */
  long readHva(long lin, int bytes) {
    long at = checkedLin(lin, bytes);
    checkAccess(at, bytes, false);
    if ((at & 0xFFF) + bytes > 4096) {
      return 0;
    }
    long gpa = translate(at, PageWalk.READ, userNow());
    return memory.isRam(gpa, bytes) && !isApicPage(gpa) ? baseHva + gpa : 0;
  }

  /** See {@link SoftCpu#updateHva}. */
  long updateHva(long lin, int bytes) {
    long at = checkedLin(lin, bytes);
    checkAccess(at, bytes, true);
    if ((at & 0xFFF) + bytes > 4096) {
      probeAs(at, bytes, userNow());
      return 0;
    }
    long gpa = translate(at, PageWalk.WRITE, userNow());
    boolean plain =
        memory.isRam(gpa, bytes) && !isApicPage(gpa) && c.blocks.owners(gpa >>> 12) == 0;
    return plain ? baseHva + gpa : 0;
  }

  /**
   * Returns the hva of an operand that was probed for writing if it is all in RAM and in one piece
   * there, whether or not it holds decoded code or crosses pages; else 0. {@link #updatedAt} is to
   * be called after a store to it.
   */
  long anyHva(long lin, int bytes) {
    long at = checkedLin(lin, bytes);
    long gpa = translate(at, PageWalk.WRITE, userNow());
    long last = gpa + bytes - 1;
    if ((at & 0xFFF) + bytes > 4096
        && translate(next(at), PageWalk.WRITE, userNow()) != (last & PAGE_MASK)) {
      return 0;
    }
    boolean ram = memory.isRam(gpa, bytes) && !isApicPage(gpa) && !isApicPage(last);
    return ram ? baseHva + gpa : 0;
  }

  /** Marks what was stored through {@link #anyHva}, and drops code that it may have changed. */
  void updatedAt(long hva, int bytes) {
    long gpa = hva - baseHva;
    int first = (int) Math.min(bytes, 4096 - (gpa & 0xFFF));
    c.updated(hva);
    c.blocks.stored(gpa, first);
    if (first < bytes) {
      c.updated(hva + first);
      c.blocks.stored(gpa + first, bytes - first);
    }
  }

  // Implicit supervisor accesses: descriptor tables, task state, inner stacks.

  /** Reads 1–8 bytes as the processor itself does, whatever CPL is. */
  long systemRead(long lin, int bytes) {
    long at = checkedLin(lin, bytes);
    int entry = (int) (at >>> 10) & INDEX_MASK;
    if (bytes == 8 && tlbs[0][entry] == (at + 7 & PAGE_MASK)) {
      return HostMemory.ALL.get(LONG, tlbs[0][entry + ADDEND] + at);
    }
    return readAs(at, bytes, 0);
  }

  /** Writes 1–8 bytes as the processor itself does. */
  void systemWrite(long lin, int bytes, long value) {
    writeAs(checkedLin(lin, bytes), bytes, value, 0);
  }

  // Physical accesses.

  private boolean isApicPage(long gpa) {
    long base = apic.apicBase();
    return (gpa & PAGE_MASK) == (base & 0xF_FFFF_FFFF_F000L) && (base & 0x800) != 0;
  }

  /** Reads 1–8 bytes within a page; odd counts come from page-crossing accesses. */
  long physicalRead(long gpa, int bytes) {
    if (memory.isRam(gpa, bytes) && !isApicPage(gpa)) {
      return load(baseHva + gpa, bytes);
    }
    if (Integer.bitCount(bytes) != 1) {
      return readBytes(gpa, bytes);
    }
    return isApicPage(gpa) ? apicRead((int) gpa & 0xFFF, bytes) : c.ports.mmio().read(gpa, bytes);
  }

  private static long load(long hva, int bytes) {
    return switch (bytes) {
      case 1 -> HostMemory.ALL.get(ValueLayout.JAVA_BYTE, hva) & 0xFF;
      case 2 -> HostMemory.ALL.get(SHORT, hva) & 0xFFFF;
      case 4 -> HostMemory.ALL.get(INT, hva) & 0xFFFF_FFFFL;
      case 8 -> HostMemory.ALL.get(LONG, hva);
      default -> {
        long value = 0;
        for (int i = 0; i < bytes; i++) {
          value |= (HostMemory.ALL.get(ValueLayout.JAVA_BYTE, hva + i) & 0xFFL) << 8 * i;
        }
        yield value;
      }
    };
  }

  private void store(long hva, int bytes, long value) {
    switch (bytes) {
      case 1 -> HostMemory.ALL.set(ValueLayout.JAVA_BYTE, hva, (byte) value);
      case 2 -> HostMemory.ALL.set(SHORT, hva, (short) value);
      case 4 -> HostMemory.ALL.set(INT, hva, (int) value);
      case 8 -> HostMemory.ALL.set(LONG, hva, value);
      default -> {
        for (int i = 0; i < bytes; i++) {
          HostMemory.ALL.set(ValueLayout.JAVA_BYTE, hva + i, (byte) (value >>> 8 * i));
        }
      }
    }
    DirtyMap.markAt((hva >>> 12) + c.markBias);
  }

  private long readBytes(long gpa, int bytes) {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= physicalRead(gpa + i, 1) << 8 * i;
    }
    return value;
  }

  private void physicalWrite(long gpa, int bytes, long value) {
    if (memory.isRam(gpa, bytes) && !isApicPage(gpa)) {
      store(baseHva + gpa, bytes, value);
      c.blocks.stored(gpa, bytes);
    } else if (Integer.bitCount(bytes) != 1) {
      for (int i = 0; i < bytes; i++) {
        physicalWrite(gpa + i, 1, value >>> 8 * i);
      }
    } else if (isApicPage(gpa)) {
      apicWrite((int) gpa & 0xFFF, bytes, value);
    } else {
      c.ports.mmio().write(gpa, bytes, value);
    }
  }

  private long apicRead(int offset, int bytes) {
    if (bytes == 8) {
      return apic.readRegister(offset & ~3) & 0xFFFF_FFFFL
          | (long) apic.readRegister((offset & ~3) + 4) << 32;
    }
    long register = apic.readRegister(offset & ~3) & 0xFFFF_FFFFL;
    return register >>> 8 * (offset & 3) & (1L << 8 * bytes) - 1;
  }

  /** The APIC defines only aligned 32-bit stores (SDM vol. 3A 11.4.1); others go nowhere. */
  private void apicWrite(int offset, int bytes, long value) {
    if (bytes == 4 && (offset & 3) == 0) {
      apic.writeRegister(offset, (int) value);
      c.attention = true;
    }
  }
}
