package dev.godwit.dest;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.proto.v1.RoundReceived;
import dev.godwit.wire.PageEncoding;
import dev.godwit.wire.PageTarget;
import dev.godwit.wire.PageTarget.IncomingRun;
import dev.godwit.wire.PeerError;
import dev.godwit.wire.StreamOpening;
import dev.godwit.wire.WireException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Guest RAM that pages land in, and the book of what has landed: no page twice a round, none
 * outside RAM, none missing in the end. A round is over when each stream has ended it.
 *
 * <p>Thread-safe, so that several streams land at a time; {@link Incoming} sees to it that one
 * stream is served by one thread.
 */
final class LandingMemory {
  private final GuestMemory memory;

  /** Pages of the current round. */
  private final PageSet thisRound;

  /** Pages that came in no round that has ended. */
  private final PageSet missing;

  /**
   * Pages that may be other than zero. Fresh memory is zero, and stays untouched where the guest's
   * is.
   */
  private final PageSet written;

  private List<Stream> streams = List.of();
  private int round;
  private final AtomicLong landedPages = new AtomicLong();

  LandingMemory(GuestMemory memory) {
    this.memory = memory;
    this.thisRound = new PageSet(memory.framePages());
    this.missing = memory.allPages();
    this.written = new PageSet(memory.framePages());
    memory.dirty().harvest(written);
  }

  /** Returns how many pages have landed, in all rounds. Any thread. */
  long landedPages() {
    return landedPages.get();
  }

  /**
   * Lets a new connection carry a stream; whatever carried it before does so no more. No thread may
   * be landing anything of this stream.
   *
   * @throws WireException {@code PROTOCOL} if it does not fit what was opened before
   */
  synchronized Stream open(StreamOpening opening) {
    if (streams.isEmpty()) {
      List<Stream> made = new ArrayList<>();
      for (int i = 0; i < opening.streams(); i++) {
        made.add(new Stream());
      }
      streams = List.copyOf(made);
    }
    if (opening.streams() != streams.size()) {
      throw new WireException(
          PeerError.Code.PROTOCOL,
          "a stream is one of %d, where there are %d".formatted(opening.streams(), streams.size()));
    }
    Stream stream = streams.get(opening.stream());
    if (opening.attempt() <= stream.attempt) {
      throw new WireException(
          PeerError.Code.PROTOCOL,
          "attempt %d of stream %d comes after attempt %d"
              .formatted(opening.attempt(), opening.stream(), stream.attempt));
    }
    stream.attempt = opening.attempt();
    return stream;
  }

  /** One of the streams; one network thread at a time. */
  final class Stream implements PageTarget {
    private int attempt = -1;
    private int streamRound;
    private long roundPages;

    /** Returns which of its connections carries it. */
    int attempt() {
      synchronized (LandingMemory.this) {
        return attempt;
      }
    }

    /** Returns where it is. */
    RoundReceived position() {
      synchronized (LandingMemory.this) {
        return RoundReceived.newBuilder().setRound(streamRound).setPages(roundPages).build();
      }
    }

    @Override
    public void admit(int batchRound, Iterable<IncomingRun> runs) {
      synchronized (LandingMemory.this) {
        requireRound(batchRound);
        roundPages += LandingMemory.this.admit(runs);
      }
    }

    private void requireRound(int number) {
      if (number != round || number != streamRound) {
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
    public void xorIn(long gpa, byte[] difference) {
      LandingMemory.this.xor(gpa, difference);
    }

    @Override
    public void zero(long gpa, long bytes) {
      LandingMemory.this.zero(gpa, bytes);
    }

    @Override
    public void endRound(int ended, long pages) {
      synchronized (LandingMemory.this) {
        requireRound(ended);
        if (pages != roundPages) {
          throw new WireException(
              PeerError.Code.BAD_PAGES,
              "round %d had %d pages, of which %d came".formatted(round, pages, roundPages));
        }
        roundPages = 0;
        streamRound++;
        closeRound();
      }
    }
  }

  private long admit(Iterable<IncomingRun> runs) {
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
      if (run.encoding() == PageEncoding.DELTA) {
        requireBase(first, end);
      }
      thisRound.addRange(first, run.pages());
      pages += run.pages();
    }
    for (IncomingRun run : runs) {
      if (run.contentBytes() > 0) {
        written.addRange(run.firstGfn(), run.pages());
      }
    }
    landedPages.addAndGet(pages);
    return pages;
  }

  /**
   * A difference is to what came in an earlier round, whose end this side has confirmed: what the
   * source has sent in this round may have come or not, as far as it knows.
   */
  private void requireBase(long first, long end) {
    long unknown = missing.next(first, end);
    if (unknown >= 0) {
      throw new WireException(
          PeerError.Code.BAD_PAGES,
          "page %d comes as a difference in round %d, but it never came before"
              .formatted(unknown, round));
    }
  }

  /** Each page of a round is one stream's, so no other thread touches it meanwhile. */
  private void xor(long gpa, byte[] difference) {
    byte[] pages = new byte[difference.length];
    memory.copyOut(gpa, MemorySegment.ofArray(pages));
    for (int i = 0; i < pages.length; i++) {
      pages[i] ^= difference[i];
    }
    memory.copyIn(gpa, pages);
  }

  private synchronized void zero(long gpa, long bytes) {
    long end = (gpa + bytes) >>> GuestMemory.PAGE_SHIFT;
    long gfn = written.next(gpa >>> GuestMemory.PAGE_SHIFT, end);
    while (gfn >= 0) {
      long stop = written.nextAbsent(gfn, end);
      memory.zero(gfn << GuestMemory.PAGE_SHIFT, (stop - gfn) << GuestMemory.PAGE_SHIFT);
      gfn = written.next(stop, end);
    }
  }

  /** Ends the round if all streams have. */
  private void closeRound() {
    if (streams.stream().allMatch(stream -> stream.streamRound > round)) {
      missing.removeAll(thisRound);
      thisRound.clear();
      round++;
    }
  }

  /**
   * Checks that every page of RAM has come.
   *
   * @throws WireException {@code BAD_PAGES} otherwise
   */
  synchronized void requireComplete() {
    if (!thisRound.isEmpty()) {
      throw new WireException(
          PeerError.Code.PROTOCOL, "the stream ends in the middle of round " + round);
    }
    if (!missing.isEmpty()) {
      throw new WireException(
          PeerError.Code.BAD_PAGES,
          "%d pages never came, the first of them page %d"
              .formatted(missing.count(), missing.next(0)));
    }
  }
}
