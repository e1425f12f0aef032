package dev.godwit.wire;

import java.lang.foreign.MemorySegment;

/**
 * Where one stream's pages land: a destination's guest RAM, and its book-keeping. Called by one
 * network thread at a time.
 */
public interface PageTarget {
  /**
   * Checks a batch before anything of it is written.
   *
   * @param round the batch's round
   * @param runs its runs; counts and lengths have been checked already
   * @throws WireException {@code BAD_PAGES} if a page is not RAM, came already in this round, or is
   *     a DELTA and did not come in an earlier one, {@code PROTOCOL} if it is not this round's turn
   */
  void admit(int round, Iterable<IncomingRun> runs);

  /** Writes a piece of a page or of several; the range has been admitted. */
  void copyIn(long gpa, MemorySegment source);

  /**
   * XORs a difference into whole pages; the range has been admitted.
   *
   * @param difference as long as the pages
   */
  void xorIn(long gpa, byte[] difference);

  /** Makes an admitted range zero; whole pages. */
  void zero(long gpa, long bytes);

  /**
   * Ends a round.
   *
   * @param pages how many pages the source says this stream carried in it
   * @throws WireException {@code BAD_PAGES} if it were not as many
   */
  void endRound(int round, long pages);

  /**
   * A run on its way in.
   *
   * @param firstGfn the first page, 0 … 2^50
   * @param pages ≥ 1
   * @param encoding how it is carried
   * @param contentBytes how much of the content is its
   */
  record IncomingRun(long firstGfn, int pages, PageEncoding encoding, int contentBytes) {}
}
