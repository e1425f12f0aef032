package dev.godwit.e2e.migration;

import dev.godwit.cpu.CodeHint;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.snapshot.Section;
import dev.godwit.source.HandoverAnswer;
import dev.godwit.source.MigrationException;
import dev.godwit.source.PageFeed;
import dev.godwit.source.StateSink;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import dev.godwit.wire.PageRun;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A moment in a migration at which something can be made to happen, once. */
public enum Moment {
  /** Between the preflight and the first page. */
  AFTER_PREFLIGHT,
  /** In the middle of the first pass over all pages. */
  IN_ROUND_0,
  /** In the middle of a later round, the guest still running. */
  IN_A_LATER_ROUND,
  /** In the middle of the last pages, the guest standing. */
  IN_THE_LAST_ROUND,
  /** While the state is saved; the last pages may be on their way. */
  WHILE_SAVING,
  /** After the last page, before the metadata. */
  BEFORE_PREPARE,
  /** After PREPARED, before COMMIT. */
  BEFORE_COMMIT;

  /** Returns a sink that does something at this moment. */
  public StateSink hook(StateSink sink, Runnable action) {
    return new Hooked(sink, action);
  }

  private final class Hooked implements StateSink {
    private final StateSink sink;
    private final Runnable action;
    private final AtomicBoolean done = new AtomicBoolean();

    Hooked(StateSink sink, Runnable action) {
      this.sink = sink;
      this.action = action;
    }

    private void at(Moment moment) {
      if (moment == Moment.this && !done.getAndSet(true)) {
        action.run();
      }
    }

    @Override
    public boolean takesDelta() {
      return sink.takesDelta();
    }

    @Override
    public boolean takesLz4() {
      return sink.takesLz4();
    }

    @Override
    public void begin(StreamHeader header) {
      sink.begin(header);
      at(AFTER_PREFLIGHT);
    }

    @Override
    public int streams() {
      return sink.streams();
    }

    @Override
    public int batchPages() {
      return sink.batchPages();
    }

    @Override
    public PageSet firstPages(GuestMemory memory) {
      return sink.firstPages(memory);
    }

    @Override
    public void sendPages(List<? extends PageFeed> feeds) {
      sink.sendPages(hooked(feeds));
    }

    @Override
    public List<Section> sendLastPages(
        List<? extends PageFeed> feeds, Supplier<List<Section>> saving) {
      return sink.sendLastPages(
          hooked(feeds),
          () -> {
            at(WHILE_SAVING);
            return saving.get();
          });
    }

    private List<PageFeed> hooked(List<? extends PageFeed> feeds) {
      List<PageFeed> hooked = new ArrayList<>(feeds);
      hooked.set(0, hooked(feeds.getFirst()));
      return hooked;
    }

    private PageFeed hooked(PageFeed feed) {
      Moment moment =
          feed.last() ? IN_THE_LAST_ROUND : feed.round() == 0 ? IN_ROUND_0 : IN_A_LATER_ROUND;
      return new PageFeed() {
        private int batches;

        @Override
        public int round() {
          return feed.round();
        }

        @Override
        public boolean last() {
          return feed.last();
        }

        @Override
        public long pauseNanos() {
          return feed.pauseNanos();
        }

        @Override
        public @Nullable List<PageRun> next() {
          // A later round may be empty, so it is its first pull; all of round 0 is never one
          // batch.
          if (++batches == (moment == IN_ROUND_0 ? 2 : 1)) {
            at(moment);
          }
          return feed.next();
        }

        @Override
        public void rewind(long landedPages) {
          feed.rewind(landedPages);
        }
      };
    }

    @Override
    public boolean takesCodeHints() {
      return sink.takesCodeHints();
    }

    @Override
    public void hint(int vcpu, List<CodeHint> code) {
      sink.hint(vcpu, code);
    }

    @Override
    public void prepare(List<Section> sections, StreamMetadata metadata) {
      at(BEFORE_PREPARE);
      sink.prepare(sections, metadata);
    }

    @Override
    public long fixedPauseNanos() {
      return sink.fixedPauseNanos();
    }

    @Override
    public HandoverAnswer commit(LongSupplier stoppedNanos) {
      at(BEFORE_COMMIT);
      return sink.commit(stoppedNanos);
    }

    @Override
    public HandoverAnswer query() {
      return sink.query();
    }

    @Override
    public void release() {
      sink.release();
    }

    @Override
    public void abort(MigrationException why) {
      sink.abort(why);
    }

    @Override
    public void close() {
      sink.close();
    }
  }
}
