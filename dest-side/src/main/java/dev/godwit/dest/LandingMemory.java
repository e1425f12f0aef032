package dev.godwit.dest;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.wire.PageEncoding;
import dev.godwit.wire.PageTarget;
import dev.godwit.wire.PeerError;
import dev.godwit.wire.WireException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Guest RAM that pages land in, and the book of what has landed: no page twice a round, none
 * outside RAM, none missing in the end. Not thread-safe: {@link Incoming} guards it.
 */
final class LandingMemory implements PageTarget {
  private final GuestMemory memory;

  /** Pages of the current round. */
  private final PageSet thisRound;

  /** Pages that came in some round. */
  private final PageSet landed;

  /**
   * Pages that may be other than zero. Fresh memory is zero, and stays untouched where the guest's
   * is.
   */
  private final PageSet written;

  private int round;
  private long roundPages;
  private final AtomicLong landedPages = new AtomicLong();

  LandingMemory(GuestMemory memory) {
    this.memory = memory;
    this.thisRound = new PageSet(memory.framePages());
    this.landed = new PageSet(memory.framePages());
    this.written = new PageSet(memory.framePages());
    memory.dirty().harvest(written);
  }

  /** Returns how many pages have landed, in all rounds. Any thread. */
  long landedPages() {
    return landedPages.get();
  }

  @Override
  public void admit(int batchRound, Iterable<IncomingRun> runs) {
    requireRound(batchRound);
    long pages = 0;
    for (IncomingRun run : runs) {
      long first = run.firstGfn();
      long end = first + run.pages();
      if (!memory.isRam(
          first << GuestMemory.PAGE_SHIFT, (long) run.pages() << GuestMemory.PAGE_SHIFT)) {
        throw new WireException(
            PeerError.Code.BAD_PAGES,
            "pages %d to %d are not RAM of this machine".formatted(first, end - 1));
      }
      long twice = thisRound.next(first, end);
      if (twice >= 0) {
        throw new WireException(
            PeerError.Code.BAD_PAGES, "page %d came twice in round %d".formatted(twice, round));
      }
      thisRound.addRange(first, run.pages());
      pages += run.pages();
    }
    for (IncomingRun run : runs) {
      if (run.encoding() != PageEncoding.ZERO) {
        written.addRange(run.firstGfn(), run.pages());
      }
    }
    roundPages += pages;
    landedPages.addAndGet(pages);
  }

  private void requireRound(int number) {
    if (number != round) {
      throw new WireException(
          PeerError.Code.PROTOCOL,
          "something of round %d comes in round %d".formatted(number, round));
    }
  }

  @Override
  public void copyIn(long gpa, MemorySegment source) {
    memory.copyIn(gpa, source);
  }

  @Override
  public void zero(long gpa, long bytes) {
    long end = (gpa + bytes) >>> GuestMemory.PAGE_SHIFT;
    long gfn = written.next(gpa >>> GuestMemory.PAGE_SHIFT, end);
    while (gfn >= 0) {
      long stop = written.nextAbsent(gfn, end);
      memory.zero(gfn << GuestMemory.PAGE_SHIFT, (stop - gfn) << GuestMemory.PAGE_SHIFT);
      gfn = written.next(stop, end);
    }
  }

  @Override
  public void endRound(int ended, long pages) {
    requireRound(ended);
    if (pages != roundPages) {
      throw new WireException(
          PeerError.Code.BAD_PAGES,
          "round %d had %d pages, of which %d came".formatted(round, pages, roundPages));
    }
    landed.addAll(thisRound);
    thisRound.clear();
    roundPages = 0;
    round++;
  }

  /**
   * Checks that every page of RAM has come.
   *
   * @throws WireException {@code BAD_PAGES} otherwise
   */
  void requireComplete() {
    if (roundPages > 0) {
      throw new WireException(
          PeerError.Code.PROTOCOL, "the stream ends in the middle of round " + round);
    }
    PageSet missing = memory.allPages();
    missing.removeAll(landed);
    if (!missing.isEmpty()) {
      throw new WireException(
          PeerError.Code.BAD_PAGES,
          "%d pages never came, the first of them page %d"
              .formatted(missing.count(), missing.next(0)));
    }
  }
}
