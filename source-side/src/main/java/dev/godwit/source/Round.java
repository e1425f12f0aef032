package dev.godwit.source;

import dev.godwit.memory.PageSet;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * One round of a migration: its pages, divided among the sink's streams.
 *
 * @param number 0 for the first pass over all pages
 * @param last whether it is the last one, under the lock of all vCPUs
 * @param feeds one a stream
 */
record Round(int number, boolean last, List<RoundFeed> feeds) {
  /**
   * Divides a round.
   *
   * @param streams among how many
   * @param feed makes a feed of its part of the pages
   */
  static Round of(int number, boolean last, PageSet pages, int streams, FeedMaker feed) {
    List<RoundFeed> feeds = new ArrayList<>();
    for (int stream = 0; stream < streams; stream++) {
      feeds.add(feed.make(stream, streams == 1 ? pages : pages.part(stream, streams)));
    }
    return new Round(number, last, List.copyOf(feeds));
  }

  /** Makes a stream's feed. */
  interface FeedMaker {
    /** Makes the feed of a stream from its part of the pages. */
    RoundFeed make(int stream, PageSet pages);
  }

  /** Returns how many pages have been pulled. */
  long sentPages() {
    return sum(RoundFeed::sentPages);
  }

  /** Returns how many of them were zero. */
  long zeroPages() {
    return sum(RoundFeed::zeroPages);
  }

  /** Returns how many bytes of content have been pulled. */
  long wireBytes() {
    return sum(RoundFeed::wireBytes);
  }

  /** Returns how many pages have been pulled as differences, unchanged ones included. */
  long deltaPages() {
    return sum(RoundFeed::deltaPages);
  }

  /** Returns how many bytes those pages have, less what was sent of them. */
  long deltaSavedBytes() {
    return sum(RoundFeed::deltaSavedBytes);
  }

  /** Returns how many pages are left. */
  long remainingPages() {
    return sum(RoundFeed::remainingPages);
  }

  private long sum(ToLongFunction<RoundFeed> of) {
    return feeds.stream().mapToLong(of).sum();
  }
}
