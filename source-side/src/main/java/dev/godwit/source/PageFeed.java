package dev.godwit.source;

import dev.godwit.wire.PageRun;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The pages of one round for one stream, pulled by a sink when it can take more, by any thread. The
 * runs refer to guest RAM, which stays mapped until the sink's {@link StateSink#sendPages} returns.
 */
public interface PageFeed {
  /** Returns the number of the round: 0 for the first pass over all pages. */
  int round();

  /**
   * Says whether this is the last round, under the lock of all vCPUs: each moment counts as
   * downtime.
   */
  boolean last();

  /**
   * Returns how long the sink should wait before it pulls again, ≥ 0: the user may have limited the
   * bandwidth. Never anything but 0 in the last round.
   */
  long pauseNanos();

  /**
   * Returns the next batch's runs, ascending from batch to batch, at most {@link
   * dev.godwit.wire.PageBatch#MAX_RUNS} of them with at most {@link
   * dev.godwit.wire.PageBatch#MAX_CONTENT_PAGES} pages of content; null when the round is over.
   *
   * @throws MigrationException {@code CANCELLED} when the user has cancelled
   */
  @Nullable List<PageRun> next();

  /**
   * Goes back: what was pulled after the round's first {@code landedPages} pages did not arrive,
   * and is pulled again.
   */
  void rewind(long landedPages);
}
