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
 * tag is there only if a store needs nothing but the store and its dirty mark: page writable, its
 * dirty bit set, RAM, no decoded code in it. Fetches have smaller TLBs of their own that give gpas.
 */
final class Mmu {
  static final int ENTRIES = 2048;
  static final int INDEX_MASK = ENTRIES - 1;

  private static final int FETCH_ENTRIES = 512;

  /** No page has this tag: its low bits are not zero. */
  private static final long NO_PAGE = 1;

  private static final long PAGE_MASK = -4096L;

  private static final byte GLOBAL = 1;
  private static final byte LARGE = 2;

  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  private final SoftCpu c;
  private final GuestMemory memory;
  private final LocalApicPort apic;
  private final long baseHva;
  final PageWalk walk;

  private final long[][] readTags = new long[2][ENTRIES];
  private final long[][] writeTags = new long[2][ENTRIES];
  private final long[][] addends = new long[2][ENTRIES];
  private final byte[][] kinds = new byte[2][ENTRIES];
  private final long[] noTags = new long[ENTRIES];
  private final long[][] fetchTags = new long[2][FETCH_ENTRIES];
  private final long[][] fetchGpas = new long[2][FETCH_ENTRIES];
  private final byte[][] fetchKinds = new byte[2][FETCH_ENTRIES];

  Mmu(SoftCpu c) {
    this.c = c;
    this.memory = c.ports.memory();
    this.apic = c.ports.apic();
    this.baseHva = memory.baseHva();
    this.walk = new PageWalk(c);
    Arrays.fill(noTags, NO_PAGE);
    clear(0);
    clear(1);
  }

  long[] readTags(int user) {
    return readTags[user];
  }

  long[] writeTags(int user) {
    return writeTags[user];
  }

  long[] addends(int user) {
    return addends[user];
  }

  /** Returns tags that nothing hits. */
  long[] noTags() {
    return noTags;
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
    Arrays.fill(readTags[user], NO_PAGE);
    Arrays.fill(writeTags[user], NO_PAGE);
    Arrays.fill(fetchTags[user], NO_PAGE);
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
      byte[] kind = kinds[user];
      long[] reads = readTags[user];
      long[] writes = writeTags[user];
      for (int i = 0; i < ENTRIES; i++) {
        if ((kind[i] & GLOBAL) == 0) {
          reads[i] = NO_PAGE;
          writes[i] = NO_PAGE;
        }
      }
      byte[] fetchKind = fetchKinds[user];
      long[] fetches = fetchTags[user];
      for (int i = 0; i < FETCH_ENTRIES; i++) {
        if ((fetchKind[i] & GLOBAL) == 0) {
          fetches[i] = NO_PAGE;
        }
      }
    }
    c.blocks.mappingChanged();
  }

  /** Forgets the translation of one linear address, the whole of its page if that is large. */
  void flushPage(long lin) {
    long page = lin & PAGE_MASK;
    for (int user = 0; user < 2; user++) {
      int at = (int) (page >>> 12) & INDEX_MASK;
      if ((kinds[user][at] & LARGE) != 0 && hits(user, at, page)) {
        // Pieces of a large page may be anywhere: rare enough to start afresh.
        clear(user);
      } else {
        dropLargePieces(user, page);
        if (hits(user, at, page)) {
          readTags[user][at] = NO_PAGE;
          writeTags[user][at] = NO_PAGE;
        }
      }
      int fetchAt = (int) (page >>> 12) & FETCH_ENTRIES - 1;
      if ((fetchKinds[user][fetchAt] & LARGE) != 0) {
        Arrays.fill(fetchTags[user], NO_PAGE);
      } else if (fetchTags[user][fetchAt] == page) {
        fetchTags[user][fetchAt] = NO_PAGE;
      }
    }
    c.blocks.mappingChanged();
  }

  private boolean hits(int user, int at, long page) {
    return readTags[user][at] == page || writeTags[user][at] == page;
  }

  /** Drops entries in the same GiB that come from large pages: one of them may map the address. */
  private void dropLargePieces(int user, long page) {
    byte[] kind = kinds[user];
    for (int i = 0; i < ENTRIES; i++) {
      if ((kind[i] & LARGE) != 0 && (readTags[user][i] ^ page) >>> 30 == 0) {
        readTags[user][i] = NO_PAGE;
        writeTags[user][i] = NO_PAGE;
      }
    }
    for (int i = 0; i < FETCH_ENTRIES; i++) {
      if ((fetchKinds[user][i] & LARGE) != 0 && (fetchTags[user][i] ^ page) >>> 30 == 0) {
        fetchTags[user][i] = NO_PAGE;
      }
    }
  }

  /** Takes the write entries of a page of RAM away: it holds code from now on. */
  void protectCode(long gfn) {
    long pageHva = baseHva + (gfn << 12);
    for (int user = 0; user < 2; user++) {
      long[] tags = writeTags[user];
      long[] adds = addends[user];
      for (int i = 0; i < ENTRIES; i++) {
        if (tags[i] != NO_PAGE && tags[i] + adds[i] == pageHva) {
          tags[i] = NO_PAGE;
        }
      }
    }
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
    fill(lin, gpa, user);
    return gpa;
  }

  private void fill(long lin, long gpa, int user) {
    long pageGpa = gpa & PAGE_MASK;
    if (!memory.isRam(pageGpa, 4096) || isApicPage(pageGpa)) {
      return;
    }
    long page = lin & PAGE_MASK;
    int at = (int) (page >>> 12) & INDEX_MASK;
    readTags[user][at] = page;
    writeTags[user][at] = walk.writable && c.blocks.owners(pageGpa >>> 12) == 0 ? page : NO_PAGE;
    addends[user][at] = baseHva + pageGpa - page;
    kinds[user][at] = (byte) ((walk.global ? GLOBAL : 0) | (walk.pageShift > 12 ? LARGE : 0));
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
    int at = (int) (page >>> 12) & FETCH_ENTRIES - 1;
    if (fetchTags[user][at] != page) {
      fetchGpas[user][at] = walk.translate(lin, PageWalk.FETCH, user == 1) & PAGE_MASK;
      fetchTags[user][at] = page;
      fetchKinds[user][at] =
          (byte) ((walk.global ? GLOBAL : 0) | (walk.pageShift > 12 ? LARGE : 0));
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
    int entry = (int) (lin >>> 12) & INDEX_MASK;
    if (readTags[user][entry] == (lin + bytes - 1 & PAGE_MASK)) {
      return load(addends[user][entry] + lin, bytes);
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
    int entry = (int) (lin >>> 12) & INDEX_MASK;
    if (writeTags[user][entry] == (lin + bytes - 1 & PAGE_MASK)) {
      store(addends[user][entry] + lin, bytes, value);
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
    if (writeTags[user][(int) (lin >>> 12) & INDEX_MASK] == (lin + bytes - 1 & PAGE_MASK)) {
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

  // Implicit supervisor accesses: descriptor tables, task state, inner stacks.

  /** Reads 1–8 bytes as the processor itself does, whatever CPL is. */
  long systemRead(long lin, int bytes) {
    long at = checkedLin(lin, bytes);
    int entry = (int) (at >>> 12) & INDEX_MASK;
    if (bytes == 8 && readTags[0][entry] == (at + 7 & PAGE_MASK)) {
      return HostMemory.ALL.get(LONG, addends[0][entry] + at);
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
