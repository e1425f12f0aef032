package dev.godwit.source;

import dev.godwit.proto.v1.RoundReceived;
import dev.godwit.wire.PageBatch;
import dev.godwit.wire.PageRun;
import dev.godwit.wire.PageStream;
import dev.godwit.wire.PeerError;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The stream of pages. Its connection's own thread pulls the feed and sends, whenever the
 * connection takes more: handing batches over from another thread cost a fifth of the speed.
 *
 * <p>Guest RAM is read only inside {@link #pump}, which holds this object's monitor; so when {@link
 * #send} has let go of the feed, nobody reads any more.
 */
final class PageSender extends ClientCall.Listener<RoundReceived> implements AutoCloseable {
  /** Bytes that may wait in the connection before it says that it is not ready. */
  private static final int READY_BYTES = 256 << 10;

  private static final long WATCH_MILLIS = 100;

  private final Connections connections;
  private final byte[] token;
  private final Duration silence;
  private final Supplier<@Nullable MigrationException> lost;
  private final ManagedChannel channel;
  private final ClientCall<PageBatch, RoundReceived> call;

  private @Nullable PageFeed feed;
  private long sequence;
  private long roundPages;
  private @Nullable RoundReceived received;
  private @Nullable RuntimeException failure;
  private long lastProgressNanos;
  private long landedPages = -1;
  private boolean closed;

  /**
   * @param silence without any progress for so long, the destination counts as lost
   * @param lost says what is known of a destination that is gone
   */
  PageSender(
      Connections connections,
      byte[] token,
      Duration silence,
      Supplier<@Nullable MigrationException> lost) {
    this.connections = connections;
    this.token = token;
    this.silence = silence;
    this.lost = lost;
    this.channel = connections.openForPages();
    this.call =
        channel.newCall(PageStream.SENDING, CallOptions.DEFAULT.withOnReadyThreshold(READY_BYTES));
  }

  /** Opens the stream. */
  void open() {
    call.start(this, new Metadata());
    call.request(Integer.MAX_VALUE);
    call.sendMessage(PageBatch.open(token));
  }

  /** Sends one round; returns when all of it has landed. */
  void send(PageFeed next) {
    synchronized (this) {
      feed = next;
      roundPages = 0;
      received = null;
      lastProgressNanos = System.nanoTime();
    }
    connections.pageThread().execute(this::pump);
    try {
      await(next.round());
    } finally {
      synchronized (this) {
        feed = null;
      }
    }
  }

  private synchronized void await(int round) {
    try {
      while (true) {
        RuntimeException failed = failure;
        if (failed != null) {
          throw failed;
        }
        RoundReceived answer = received;
        if (answer != null) {
          if (answer.getRound() != round || answer.getPages() != roundPages) {
            throw new MigrationException(
                MigrationException.Code.PEER_FAILED,
                "%s says that %s pages of round %d have landed, where %d of round %d were sent"
                    .formatted(
                        connections,
                        Long.toUnsignedString(answer.getPages()),
                        answer.getRound(),
                        roundPages,
                        round));
          }
          return;
        }
        if (System.nanoTime() - lastProgressNanos > silence.toNanos()) {
          throw new MigrationException(
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

  @Override
  public void onReady() {
    pump();
  }

  /** Sends as long as the connection takes more. */
  private synchronized void pump() {
    try {
      PageFeed current = feed;
      while (current != null && failure == null && !closed && call.isReady()) {
        lastProgressNanos = System.nanoTime();
        long pause = current.pauseNanos();
        if (pause > 0) {
          connections.pageThread().schedule(this::pump, pause, TimeUnit.NANOSECONDS);
          return;
        }
        List<PageRun> runs = current.next();
        if (runs == null) {
          call.sendMessage(PageBatch.roundEnd(++sequence, current.round(), roundPages));
          feed = null;
          return;
        }
        for (PageRun run : runs) {
          roundPages += run.pages();
        }
        call.sendMessage(PageBatch.pages(++sequence, current.round(), runs));
      }
    } catch (RuntimeException e) {
      fail(e);
    }
  }

  @Override
  public synchronized void onMessage(RoundReceived message) {
    received = message;
    lastProgressNanos = System.nanoTime();
    notifyAll();
  }

  /** Says how many pages have landed by now: more than before is a sign of life. */
  synchronized void landed(long pages) {
    if (pages != landedPages) {
      landedPages = pages;
      lastProgressNanos = System.nanoTime();
    }
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    PeerError said = PeerError.from(trailers);
    MigrationException known = lost.get();
    fail(
        known != null
            ? known
            : said != null
                ? new MigrationException(
                    MigrationException.Code.PEER_FAILED,
                    "%s failed: %s".formatted(connections, said.message()))
                : new MigrationException(
                    MigrationException.Code.PEER_LOST,
                    "the connection for pages broke: "
                        + connections.why(status.asRuntimeException(trailers))));
  }

  /** Makes whoever waits fail; the first failure counts. */
  synchronized void fail(RuntimeException why) {
    if (failure == null) {
      failure = why;
    }
    notifyAll();
  }

  @Override
  public void close() {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      feed = null;
    }
    call.cancel("the migration is over", null);
    channel.shutdownNow();
  }
}
