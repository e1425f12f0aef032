package dev.godwit.memory;

import java.util.Arrays;

/**
 * A set of guest page frame numbers (gfn = gpa / 4096), as a bitmap. Not thread-safe: one owner at
 * a time.
 *
 * <p>A second, coarse bitmap has a bit for each word of the first that is not zero. The few pages
 * that are dirtied in a moment are found and moved about by looking at a 64th of the bitmap, which
 * is done while a guest stands still, often by code that the JVM has not compiled yet.
 */
public final class PageSet {
  /** Neighbours that {@link #part} keeps together. */
  public static final int BLOCK_PAGES = 512;

  private final long[] words;

  /** Bit i % 64 of its word i / 64 is set exactly if {@code words[i] != 0}. */
  private final long[] coarse;

  private final long pages;

  /** Makes an empty set over gfns {@code 0 … pages-1}. */
  public PageSet(long pages) {
    if (pages < 0 || pages > (1L << 36)) {
      throw new IllegalArgumentException("pages: " + pages);
    }
    this.pages = pages;
    this.words = new long[Math.toIntExact((pages + 63) >>> 6)];
    this.coarse = new long[(words.length + 63) >>> 6];
  }

  /** Returns how many gfns this set ranges over, in it or not. */
  public long capacityPages() {
    return pages;
  }

  /** Adds one page. */
  public void add(long gfn) {
    addBits(index(gfn), 1L << gfn);
  }

  private void addBits(int i, long bits) {
    if (bits != 0) {
      words[i] |= bits;
      coarse[i >>> 6] |= 1L << i;
    }
  }

  private void removeBits(int i, long bits) {
    long left = words[i] & ~bits;
    words[i] = left;
    if (left == 0) {
      coarse[i >>> 6] &= ~(1L << i);
    }
  }

  /** Returns the first i ≥ {@code from} with {@code words[i] != 0}, or the number of words. */
  private int nextWord(int from) {
    int c = from >>> 6;
    if (c >= coarse.length) {
      return words.length;
    }
    long bits = coarse[c] & (-1L << from);
    while (bits == 0) {
      c++;
      if (c == coarse.length) {
        return words.length;
      }
      bits = coarse[c];
    }
    return (c << 6) + Long.numberOfTrailingZeros(bits);
  }

  /** Removes one page. */
  public void remove(long gfn) {
    removeBits(index(gfn), 1L << gfn);
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
    if (count <= 0) {
      return;
    }
    int from = index(first);
    int to = index(first + count - 1);
    for (int i = from; i <= to; i++) {
      long bits = i == from ? -1L << first : -1L;
      addBits(i, i == to ? bits & (-1L >>> -(first + count)) : bits);
    }
  }

  /** Adds all pages of a set over the same range. */
  public void addAll(PageSet other) {
    requireSameRange(other);
    for (int i = other.nextWord(0); i < words.length; i = other.nextWord(i + 1)) {
      addBits(i, other.words[i]);
    }
  }

  /** Removes all pages of a set over the same range. */
  public void removeAll(PageSet other) {
    requireSameRange(other);
    for (int i = other.nextWord(0); i < words.length; i = other.nextWord(i + 1)) {
      removeBits(i, other.words[i]);
    }
  }

  private void requireSameRange(PageSet other) {
    if (other.pages != pages) {
      throw new IllegalArgumentException("sets over " + pages + " and " + other.pages + " pages");
    }
  }

  /** Empties the set. */
  public void clear() {
    for (int i = nextWord(0); i < words.length; i = nextWord(i + 1)) {
      words[i] = 0;
    }
    Arrays.fill(coarse, 0);
  }

  /** Returns how many pages are in the set. */
  public long count() {
    long n = 0;
    for (int i = nextWord(0); i < words.length; i = nextWord(i + 1)) {
      n += Long.bitCount(words[i]);
    }
    return n;
  }

  /** Says whether the set is empty. */
  public boolean isEmpty() {
    return nextWord(0) == words.length;
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
    long bound = Math.min(end, pages);
    if (from >= bound) {
      return -1;
    }
    int i = index(from);
    long word = words[i] & (-1L << from);
    if (word == 0) {
      i = nextWord(i + 1);
      if (i == words.length) {
        return -1;
      }
      word = words[i];
    }
    long gfn = ((long) i << 6) + Long.numberOfTrailingZeros(word);
    return gfn < bound ? gfn : -1;
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
    long bound = Math.min(end, pages);
    if (from >= bound) {
      return bound;
    }
    int i = index(from);
    long absent = ~words[i] & (-1L << from);
    while (absent == 0) {
      i++;
      if ((long) i << 6 >= bound) {
        return bound;
      }
      absent = ~words[i];
    }
    return Math.min(bound, ((long) i << 6) + Long.numberOfTrailingZeros(absent));
  }

  /** Returns the gfn that follows the first {@code count} pages of the set, or the capacity. */
  public long after(long count) {
    long left = count;
    for (int i = nextWord(0); i < words.length; i = nextWord(i + 1)) {
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
    for (int i = nextWord(0); i < words.length; i = nextWord(i + 1)) {
      if ((i / (BLOCK_PAGES / Long.SIZE)) % parts == part) {
        result.addBits(i, words[i]);
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
    addBits((int) (firstGfn >>> 6), (bits & 0xFFL) << (firstGfn & 63));
  }
}
