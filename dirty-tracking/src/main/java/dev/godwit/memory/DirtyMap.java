package dev.godwit.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * One byte a page, non-zero when the page may have been written since the last harvest. Always on:
 * a mark costs a store.
 *
 * <p><b>Ordering.</b> A writer stores its data first and marks after it, with release semantics. A
 * harvest exchanges the mark for zero atomically (a full fence) and the page is read after that. So
 * if the writer's mark comes before the exchange, its data does too and the copy has it; if it
 * comes after, the next harvest finds it. Marking before storing would lose pages: mark, harvest,
 * copy, store.
 *
 * <p>A CPU engine may mark a page before it stores there, and go on storing without marking it
 * again, if it {@linkplain #observeHarvests observes harvests}: a harvest asks it, after the
 * exchange, to mark anew from then on, and returns when it will. So what was stored on the strength
 * of a mark that the exchange took is in RAM before the page is read.
 *
 * <p>Any thread marks; one thread at a time harvests.
 */
public final class DirtyMap {
  /**
   * Test-only switch: {@code -Dgodwit.test.dirtyTracking=off} makes migration lose pages, to prove
   * that tests notice.
   */
  public static final boolean TRACKING =
      !"off".equals(System.getProperty("godwit.test.dirtyTracking"));

  private static final VarHandle BYTE = ValueLayout.JAVA_BYTE.varHandle();
  private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();

  /**
   * Marks that are looked at together. Where few pages are dirty nearly all such blocks are clean,
   * and one comparison says so; a loop over marks in code that the JVM has not compiled yet would
   * keep the guest standing for milliseconds.
   */
  private static final int BLOCK_MARKS = 4096;

  private static final MemorySegment CLEAN = MemorySegment.ofArray(new byte[BLOCK_MARKS]);

  private final long baseHva;
  private final long pages;
  private final ChangeLog log;
  private volatile @Nullable Runnable observer;

  /**
   * Makes a map over zeroed host memory of at least {@code pages} bytes, rounded up to eight, at
   * {@code baseHva}.
   */
  DirtyMap(long baseHva, long pages) {
    this.baseHva = baseHva;
    this.pages = pages;
    this.log = new ChangeLog(pages);
  }

  /** Returns who knows what was written since the last snapshot. */
  public ChangeLog log() {
    return log;
  }

  /** Returns the hva of the mark of gfn 0, for engines that mark inline by {@link #markAt}. */
  public long baseHva() {
    return baseHva;
  }

  /**
   * Marks the page whose mark is at {@code markHva} = {@link #baseHva} + gfn. Unchecked: see {@link
   * HostMemory}.
   */
  public static void markAt(long markHva) {
    if (TRACKING) {
      BYTE.setRelease(HostMemory.ALL, markHva, (byte) 1);
    }
  }

  /** Says whether the page whose mark is at {@code markHva} is marked. Unchecked, as above. */
  public static boolean isMarkedAt(long markHva) {
    return (byte) BYTE.getVolatile(HostMemory.ALL, markHva) != 0;
  }

  /**
   * Sets the one engine that is told of each harvest, after the exchange and on the harvesting
   * thread; null for none. When it returns, no mark from before counts any more for its stores.
   */
  public void observeHarvests(@Nullable Runnable newObserver) {
    observer = newObserver;
  }

  /** Marks one page; call it after the data was stored. */
  public void mark(long gfn) {
    if (gfn < 0 || gfn >= pages) {
      throw new IndexOutOfBoundsException("gfn " + gfn + " of " + pages);
    }
    markAt(baseHva + gfn);
  }

  /** Marks every page of a range; call it after the data was stored. */
  public void markRange(long firstGfn, long count) {
    for (long gfn = firstGfn; gfn < firstGfn + count; gfn++) {
      mark(gfn);
    }
  }

  /** Marks all pages of a set: harvested pages that were not delivered come back by this. */
  public void mergeBack(PageSet undelivered) {
    undelivered.forEachRun(this::markRange);
  }

  /**
   * Atomically collects and clears every mark, adding the pages to {@code into}. Returns how many
   * marks it found.
   */
  public long harvest(PageSet into) {
    if (!log.follows()) {
      return collect(into);
    }
    PageSet logged = new PageSet(into.capacityPages());
    long found = collect(logged);
    log.harvested(logged);
    into.addAll(logged);
    return found;
  }

  private long collect(PageSet into) {
    long found = exchange(into);
    Runnable told = observer;
    if (told != null) {
      told.run();
    }
    return found;
  }

  private long exchange(PageSet into) {
    long found = 0;
    for (long gfn = nextMarked(0); gfn < pages; gfn = nextMarked(gfn + 8)) {
      long marks = (long) LONG.getAndSet(HostMemory.ALL, baseHva + gfn, 0L);
      int bits = gather(marks);
      into.addEight(gfn, bits);
      found += Integer.bitCount(bits);
    }
    return found;
  }

  /**
   * Returns how many pages are marked now, without clearing; a moment's estimate while writers run.
   */
  public long count() {
    long found = 0;
    for (long gfn = nextMarked(0); gfn < pages; gfn = nextMarked(gfn + 8)) {
      found += Integer.bitCount(gather((long) LONG.getOpaque(HostMemory.ALL, baseHva + gfn)));
    }
    return found;
  }

  /** As {@link #count}, without the pages of a set over the same range. */
  public long countOutside(PageSet known) {
    long found = 0;
    for (long gfn = nextMarked(0); gfn < pages; gfn = nextMarked(gfn + 8)) {
      long marks = (long) LONG.getOpaque(HostMemory.ALL, baseHva + gfn);
      found += Integer.bitCount(gather(marks) & ~known.eight(gfn));
    }
    return found;
  }

  /**
   * Returns the first of the eight neighbours that have a mark, from {@code from} on; the number of
   * pages or more if there is none. A mark that is made meanwhile may be missed, and stays for the
   * next time.
   */
  private long nextMarked(long from) {
    if (from >= pages) {
      return pages;
    }
    if ((long) LONG.getOpaque(HostMemory.ALL, baseHva + from) != 0) {
      return from;
    }
    long end = Math.min(pages, (from / BLOCK_MARKS + 1) * BLOCK_MARKS);
    long at = from;
    do {
      long differs =
          MemorySegment.mismatch(HostMemory.ALL, baseHva + at, baseHva + end, CLEAN, 0, end - at);
      if (differs >= 0) {
        return (at + differs) & -8L;
      }
      at = end;
      end = Math.min(pages, end + BLOCK_MARKS);
    } while (at < pages);
    return pages;
  }

  /** Packs bit 0 of each of the eight bytes into one byte, in page order (little-endian host). */
  private static int gather(long marks) {
    return (int) ((marks & 0x0101010101010101L) * 0x0102040810204080L >>> 56);
  }
}
