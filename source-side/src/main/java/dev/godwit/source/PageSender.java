package dev.godwit.source;

import dev.godwit.proto.v1.RoundReceived;
import dev.godwit.wire.PageBatch;
import dev.godwit.wire.PageRun;
import dev.godwit.wire.PageStream;
import dev.godwit.wire.PeerError;
import dev.godwit.wire.StreamOpening;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.netty.channel.EventLoop;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One stream of pages. Its connection's own thread pulls the feed and sends, whenever the
 * connection takes more: handing batches over from another thread cost a fifth of the speed.
 *
 * <p>A connection that breaks is replaced by a new one, if the destination can take the stream up
 * again: it says which of the round's pages have landed, the feed goes back to the first that has
 * not, and the destination listens to the old connection no more.
 *
 * <p>Guest RAM is read only inside {@link Attempt#pump}, which holds this object's monitor; so when
 * {@link #stop} has let go of the feed, nobody reads any more.
 */
final class PageSender implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PageSender.class);

  /** Bytes that may wait in the connection before it says that it is not ready. */
  private static final int READY_BYTES = 2 * PageBatch.MAX_CONTENT_BYTES;

  private static final long WATCH_MILLIS = 100;
  private static final long RETRY_MILLIS = 50;

  /** In the last round the guest stands still: rather let it go on than wait for a connection. */
  private static final Duration LAST_ROUND_PATIENCE = Duration.ofMillis(250);

  private final Connections connections;
  private final EventLoop thread;
  private final byte[] token;
  private final int stream;
  private final int streams;
  private final boolean resumable;
  private final Duration silence;
  private final Supplier<@Nullable MigrationException> lost;

  private @Nullable Attempt attempt;
  private int attempts;
  private @Nullable MigrationException broken;
  private long brokenNanos;

  private @Nullable PageFeed feed;

  /** The round that the feed is of, or was of. */
  private int round = -1;

  private long roundPages;
  private boolean endSent;
  private @Nullable RoundReceived received;
  private @Nullable RuntimeException failure;
  private long lastProgressNanos;
  private long landedPages = -1;
  private boolean closed;

  /**
   * @param stream which of the streams this is
   * @param streams how many there are
   * @param resumable whether the destination can take it up again after a cut
   * @param silence without any progress for so long, the destination counts as lost
   * @param lost says what is known of a destination that is gone
   */
  PageSender(
      Connections connections,
      byte[] token,
      int stream,
      int streams,
      boolean resumable,
      Duration silence,
      Supplier<@Nullable MigrationException> lost) {
    this.connections = connections;
    this.thread = connections.nextPageThread();
    this.token = token.clone();
    this.stream = stream;
    this.streams = streams;
    this.resumable = resumable;
    this.silence = silence;
    this.lost = lost;
  }

  /** Opens the stream. */
  synchronized void open() {
    if (closed || failure != null) {
      return;
    }
    Attempt next = new Attempt(connections.openForPages(thread));
    attempt = next;
    next.open(new StreamOpening(token, stream, streams, resumable ? ++attempts : 0));
  }

  /** Begins to send one round. */
  synchronized void begin(PageFeed next) {
    feed = next;
    round = next.round();
    roundPages = 0;
    endSent = false;
    received = null;
    lastProgressNanos = System.nanoTime();
    thread.execute(this::pump);
  }

  /** Returns when all of the round has landed. */
  synchronized void await() {
    try {
      while (received == null) {
        RuntimeException failed = failure;
        if (failed != null) {
          throw failed;
        }
        if (System.nanoTime() - lastProgressNanos > silence.toNanos()) {
          throw broken != null
              ? broken
              : new MigrationException(
                  MigrationException.Code.PEER_LOST,
                  "%s takes no more pages: none for %.1f s"
                      .formatted(connections, silence.toMillis() / 1e3));
        }
        wait(WATCH_MILLIS);
      }
    } catch (InterruptedException e) {
      throw new MigrationException(
          MigrationException.Code.CANCELLED, "interrupted while sending pages", e);
    }
  }

  /** Ends the round, whether all of it has landed or not: guest RAM is read no more. */
  synchronized void stop() {
    feed = null;
  }

  private void pump() {
    Attempt current;
    synchronized (this) {
      current = attempt;
    }
    if (current != null) {
      current.pump();
    }
  }

  /** Says how many pages have landed by now: more than before is a sign of life. */
  synchronized void landed(long pages) {
    if (pages != landedPages) {
      landedPages = pages;
      lastProgressNanos = System.nanoTime();
    }
  }

  /** Makes whoever waits fail; the first failure counts. */
  synchronized void fail(RuntimeException why) {
    if (failure == null) {
      failure = why;
    }
    notifyAll();
  }

  /** A connection is gone: another is made, for a while. */
  private synchronized void broke(MigrationException why) {
    if (closed || failure != null) {
      return;
    }
    long now = System.nanoTime();
    if (broken == null) {
      LOG.warn("stream {} of pages: {}", stream, why.getMessage());
      brokenNanos = now;
    }
    broken = why;
    PageFeed current = feed;
    Duration patience = current != null && current.last() ? LAST_ROUND_PATIENCE : silence;
    if (!resumable || now - brokenNanos > patience.toNanos()) {
      fail(why);
    } else {
      thread.schedule(this::open, RETRY_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /** The destination says where it is: goes on from there. */
  private synchronized void resume(RoundReceived landed) {
    if (broken != null) {
      LOG.info(
          "stream {} of pages goes on in round {}, of which {} pages have landed",
          stream,
          landed.getRound(),
          landed.getPages());
      broken = null;
    }
    PageFeed current = feed;
    if (current == null || received != null) {
      require(landed, round + 1, 0);
    } else if (endSent && landed.getRound() == round + 1) {
      require(landed, round + 1, 0);
      received = landed;
    } else {
      long pages = landed.getPages();
      require(landed, round, Math.clamp(pages, 0, roundPages));
      current.rewind(pages);
      roundPages = pages;
      endSent = false;
    }
    lastProgressNanos = System.nanoTime();
    notifyAll();
  }

  private void require(RoundReceived answer, int expectedRound, long expectedPages) {
    if (answer.getRound() != expectedRound || answer.getPages() != expectedPages) {
      throw new MigrationException(
          MigrationException.Code.PEER_FAILED,
          "%s says that %s pages of round %s have landed, where %d of round %d were sent"
              .formatted(
                  connections,
                  Long.toUnsignedString(answer.getPages()),
                  Integer.toUnsignedString(answer.getRound()),
                  roundPages,
                  round));
    }
  }

  @Override
  public void close() {
    Attempt current;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      feed = null;
      current = attempt;
    }
    if (current != null) {
      current.end();
    }
  }

  /** One connection that carries the stream. */
  private final class Attempt extends ClientCall.Listener<RoundReceived> {
    private final ManagedChannel channel;
    private final ClientCall<PageBatch, RoundReceived> call;
    private boolean opened;
    private boolean over;
    private long sequence;

    Attempt(ManagedChannel channel) {
      this.channel = channel;
      this.call =
          channel.newCall(
              PageStream.SENDING, CallOptions.DEFAULT.withOnReadyThreshold(READY_BYTES));
    }

    void open(StreamOpening opening) {
      call.start(this, new Metadata());
      call.request(Integer.MAX_VALUE);
      call.sendMessage(PageBatch.open(opening));
      opened = opening.attempt() == 0;
    }

    void end() {
      call.cancel("the migration is over", null);
      channel.shutdownNow();
    }

    @Override
    public void onReady() {
      pump();
    }

    /** Sends as long as the connection takes more. */
    void pump() {
      synchronized (PageSender.this) {
        try {
          PageFeed current = feed;
          while (current != null
              && failure == null
              && opened
              && !over
              && !endSent
              && call.isReady()) {
            lastProgressNanos = System.nanoTime();
            long pause = current.pauseNanos();
            if (pause > 0) {
              thread.schedule(this::pump, pause, TimeUnit.NANOSECONDS);
              return;
            }
            List<PageRun> runs = current.next();
            if (runs == null) {
              call.sendMessage(PageBatch.roundEnd(++sequence, round, roundPages));
              endSent = true;
              return;
            }
            for (PageRun run : runs) {
              roundPages += run.pages();
            }
            call.sendMessage(PageBatch.pages(++sequence, round, runs));
          }
        } catch (RuntimeException e) {
          fail(e);
        }
      }
    }

    @Override
    public void onMessage(RoundReceived message) {
      synchronized (PageSender.this) {
        if (over) {
          return;
        }
        try {
          if (opened) {
            require(message, round, roundPages);
            received = message;
            lastProgressNanos = System.nanoTime();
            PageSender.this.notifyAll();
          } else {
            opened = true;
            resume(message);
          }
        } catch (MigrationException e) {
          fail(e);
        }
      }
      pump();
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      synchronized (PageSender.this) {
        over = true;
      }
      channel.shutdownNow();
      PeerError said = PeerError.from(trailers);
      MigrationException known = lost.get();
      if (known != null) {
        fail(known);
      } else if (said != null) {
        fail(
            new MigrationException(
                MigrationException.Code.PEER_FAILED,
                "%s failed: %s".formatted(connections, said.message())));
      } else {
        broke(
            new MigrationException(
                MigrationException.Code.PEER_LOST,
                "the connection for pages broke: "
                    + connections.why(status.asRuntimeException(trailers))));
      }
    }
  }
}
