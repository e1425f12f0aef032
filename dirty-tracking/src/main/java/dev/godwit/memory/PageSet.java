package dev.godwit.memory;

import java.util.Arrays;

/**
 * A set of guest page frame numbers (gfn = gpa / 4096), as a bitmap. Not thread-safe: one owner at
 * a time.
 */
public final class PageSet {
  /** Neighbours that {@link #part} keeps together. */
  public static final int BLOCK_PAGES = 512;

  private final long[] words;
  private final long pages;

  /** Makes an empty set over gfns {@code 0 … pages-1}. */
  public PageSet(long pages) {
    if (pages < 0 || pages > (1L << 36)) {
      throw new IllegalArgumentException("pages: " + pages);
    }
    this.pages = pages;
    this.words = new long[Math.toIntExact((pages + 63) >>> 6)];
  }

  /** Returns how many gfns this set ranges over, in it or not. */
  public long capacityPages() {
    return pages;
  }

  /** Adds one page. */
  public void add(long gfn) {
    words[index(gfn)] |= 1L << gfn;
  }

  /** Removes one page. */
  public void remove(long gfn) {
    words[index(gfn)] &= ~(1L << gfn);
  }

  /** Says whether the page is in the set. */
  public boolean contains(long gfn) {
    return (words[index(gfn)] & (1L << gfn)) != 0;
  }

  private int index(long gfn) {
    if (gfn < 0 || gfn >= pages) {
      throw new IndexOutOfBoundsException("gfn " + gfn + " of " + pages);
    }
    return (int) (gfn >>> 6);
  }

  /** Adds the gfns {@code first … first+count-1}. */
  public void addRange(long first, long count) {
    for (long gfn = first; gfn < first + count; gfn++) {
      add(gfn);
    }
  }

  /** Adds all pages of a set over the same range. */
  public void addAll(PageSet other) {
    requireSameRange(other);
    for (int i = 0; i < words.length; i++) {
      words[i] |= other.words[i];
    }
  }

  /** Removes all pages of a set over the same range. */
  public void removeAll(PageSet other) {
    requireSameRange(other);
    for (int i = 0; i < words.length; i++) {
      words[i] &= ~other.words[i];
    }
  }

  private void requireSameRange(PageSet other) {
    if (other.pages != pages) {
      throw new IllegalArgumentException("sets over " + pages + " and " + other.pages + " pages");
    }
  }

  /** Empties the set. */
  public void clear() {
    Arrays.fill(words, 0);
  }

  /** Returns how many pages are in the set. */
  public long count() {
    long n = 0;
    for (long word : words) {
      n += Long.bitCount(word);
    }
    return n;
  }

  /** Says whether the set is empty. */
  public boolean isEmpty() {
    for (long word : words) {
      if (word != 0) {
        return false;
      }
    }
    return true;
  }

  /** Returns the first gfn in the set that is ≥ {@code from}, or -1. */
  public long next(long from) {
    return next(from, pages);
  }

  /**
   * Returns the first gfn in the set that is ≥ {@code from} and below {@code end}, or -1. Looks no
   * further: whoever asks for a part at a time must not pay for all the rest each time.
   */
  public long next(long from, long end) {
    long gfn = scan(from, Math.min(end, pages), 0);
    return gfn < Math.min(end, pages) ? gfn : -1;
  }

  /** Returns the first gfn not in the set that is ≥ {@code from}; the capacity if there is none. */
  public long nextAbsent(long from) {
    return nextAbsent(from, pages);
  }

  /**
   * Returns the first gfn not in the set that is ≥ {@code from}, or {@code end} if that comes
   * first; looks no further.
   */
  public long nextAbsent(long from, long end) {
    return scan(from, Math.min(end, pages), -1);
  }

  /**
   * Returns the first gfn from {@code from} on whose bit differs from those of {@code invert};
   * {@code end} at the most.
   */
  private long scan(long from, long end, long invert) {
    if (from >= end) {
      return end;
    }
    int i = index(from);
    long word = (words[i] ^ invert) & (-1L << from);
    while (word == 0) {
      i++;
      if ((long) i << 6 >= end) {
        return end;
      }
      word = words[i] ^ invert;
    }
    return Math.min(end, ((long) i << 6) + Long.numberOfTrailingZeros(word));
  }

  /** Returns the gfn that follows the first {@code count} pages of the set, or the capacity. */
  public long after(long count) {
    long left = count;
    for (int i = 0; i < words.length; i++) {
      int here = Long.bitCount(words[i]);
      if (left < here) {
        long word = words[i];
        for (; left > 0; left--) {
          word &= word - 1;
        }
        return ((long) i << 6) + Long.numberOfTrailingZeros(word);
      }
      left -= here;
    }
    return pages;
  }

  /**
   * Returns a part of this set: of the blocks of {@value #BLOCK_PAGES} pages that it ranges over,
   * every {@code parts}-th from {@code part} on. The parts are disjoint and make up the whole.
   */
  public PageSet part(int part, int parts) {
    PageSet result = new PageSet(pages);
    for (int i = 0; i < words.length; i++) {
      if ((i / (BLOCK_PAGES / Long.SIZE)) % parts == part) {
        result.words[i] = words[i];
      }
    }
    return result;
  }

  /** Receives runs of neighbouring pages. */
  public interface RunVisitor {
    /** Called with {@code count} ≥ 1 pages from {@code firstGfn} on. */
    void run(long firstGfn, long count);
  }

  /** Visits the pages in ascending order, as maximal runs. */
  public void forEachRun(RunVisitor visitor) {
    long gfn = next(0);
    while (gfn >= 0) {
      long end = nextAbsent(gfn);
      visitor.run(gfn, end - gfn);
      gfn = next(end);
    }
  }

  /** For {@link DirtyMap}: returns the bits of eight neighbouring pages, as {@link #addEight}. */
  int eight(long firstGfn) {
    return (int) (words[(int) (firstGfn >>> 6)] >>> (firstGfn & 63)) & 0xFF;
  }

  /**
   * For {@link DirtyMap}: sets the bits of eight neighbouring pages at once; bit i = gfn {@code
   * firstGfn + i}.
   */
  void addEight(long firstGfn, int bits) {
    words[(int) (firstGfn >>> 6)] |= (bits & 0xFFL) << (firstGfn & 63);
  }
}
