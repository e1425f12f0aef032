package dev.godwit.source;

import dev.godwit.memory.PageSet;
import dev.godwit.wire.PageBatch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What was sent of some pages last, so that a page which comes again can be sent as a difference.
 *
 * <p>A page has one place: its number among its stream's pages, modulo the number of places. What
 * was put there in this round stays for this round: so a batch may refer to it until it is on the
 * wire, and a guest that goes round a working set larger than this finds a part of it each time,
 * not nothing. Memory is taken as it is needed. Not thread-safe.
 */
final class SentPages implements AutoCloseable {
  private static final int CHUNK_PAGES = 64;

  private final long partStride;
  private final int places;

  /** By place: the page there, plus 1; 0 for none. */
  private final long[] gfns;

  /** By place: the round in which it was put there. */
  private final int[] rounds;

  private final @Nullable MemorySegment[] chunks;
  private boolean empty = true;
  private final Arena arena = Arena.ofShared();

  /**
   * @param bytes the memory that it may take
   * @param streams among how many streams rounds are divided; this is for the pages of one of them
   */
  SentPages(long bytes, int streams) {
    this.partStride = (long) PageSet.BLOCK_PAGES * streams;
    long perPage = PageBatch.PAGE_BYTES + Long.BYTES + Integer.BYTES;
    this.places =
        (int) Math.min(bytes / perPage / CHUNK_PAGES * CHUNK_PAGES, Integer.MAX_VALUE / 2);
    this.gfns = new long[places];
    this.rounds = new int[places];
    this.chunks = new MemorySegment[places / CHUNK_PAGES];
  }

  /** Returns how many pages there is room for. */
  int places() {
    return places;
  }

  /** A stream's pages are blocks with gaps between them, which have no places. */
  private int place(long gfn) {
    long dense = gfn / partStride * PageSet.BLOCK_PAGES + gfn % PageSet.BLOCK_PAGES;
    return (int) (dense % places);
  }

  /** Returns how many neighbours of a page lie together with it, itself included. */
  private int together(long gfn, int limit) {
    return Math.min(limit, CHUNK_PAGES - place(gfn) % CHUNK_PAGES);
  }

  /**
   * Returns how many pages from one on, at most {@code limit}, are here as the destination has them
   * for certain: they were sent in an earlier round.
   */
  int known(long gfn, int limit, int round) {
    int max = together(gfn, limit);
    int count = 0;
    while (count < max && isKnown(gfn + count, round)) {
      count++;
    }
    return count;
  }

  private boolean isKnown(long gfn, int round) {
    int place = place(gfn);
    return gfns[place] == gfn + 1 && rounds[place] < round;
  }

  /**
   * Returns how many pages from one on, at most {@code limit}, are not known but may be put here.
   */
  int room(long gfn, int limit, int round) {
    int max = together(gfn, limit);
    int count = 0;
    while (count < max && !isKnown(gfn + count, round) && isFree(gfn + count, round)) {
      count++;
    }
    return count;
  }

  private boolean isFree(long gfn, int round) {
    int place = place(gfn);
    return gfns[place] == 0 || gfns[place] == gfn + 1 || rounds[place] < round;
  }

  /**
   * Returns how many pages from one on, at most {@code limit}, are neither known nor have room.
   *
   * @param roomless whether none has, so that only the known ones end them
   */
  int strange(long gfn, int limit, int round, boolean roomless) {
    int count = 0;
    while (count < limit
        && !isKnown(gfn + count, round)
        && (roomless || !isFree(gfn + count, round))) {
      count++;
    }
    return count;
  }

  /** Returns where some pages lie, {@link #known} or with {@link #room}. */
  MemorySegment at(long gfn, int pages) {
    int place = place(gfn);
    MemorySegment chunk = chunks[place / CHUNK_PAGES];
    if (chunk == null) {
      chunk = arena.allocate((long) CHUNK_PAGES * PageBatch.PAGE_BYTES);
      chunks[place / CHUNK_PAGES] = chunk;
    }
    return chunk.asSlice(
        (long) (place % CHUNK_PAGES) * PageBatch.PAGE_BYTES, (long) pages * PageBatch.PAGE_BYTES);
  }

  /** Says that what lies there now is what is sent of these pages in this round. */
  void put(long gfn, int pages, int round) {
    empty = false;
    int place = place(gfn);
    for (int i = 0; i < pages; i++) {
      gfns[place + i] = gfn + i + 1;
      rounds[place + i] = round;
    }
  }

  /** Says that something else was sent of these pages. */
  void forget(long gfn, long pages) {
    if (empty) {
      return;
    }
    for (long page = gfn; page < gfn + pages; page++) {
      int place = place(page);
      if (gfns[place] == page + 1) {
        gfns[place] = 0;
      }
    }
  }

  /** Frees the memory; nothing may be read from it any more. Closing twice does nothing. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      Arrays.fill(gfns, 0);
      arena.close();
    }
  }
}
