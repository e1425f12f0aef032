package dev.godwit.source;

import dev.godwit.wire.CheckedCalls;
import dev.godwit.wire.PageBatch;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/**
 * Makes connections to one destination: those for control on one thread, each of those for pages,
 * which keep it busy, on a thread of its own.
 */
final class Connections implements AutoCloseable {
  /** 64 KiB, gRPC's default, made the page stream five times slower; more than this, no faster. */
  static final int FLOW_CONTROL_WINDOW_BYTES = 16 << 20;

  /**
   * Bytes that a connection takes before it says that it has enough, and those at which it takes
   * more again: two of the largest batches, and one. With Netty's default, 64 KiB, a batch would be
   * cut into pieces, each of which costs as much as a batch.
   */
  private static final WriteBufferWaterMark WAITING_BYTES =
      new WriteBufferWaterMark(PageBatch.MAX_CONTENT_BYTES, 2 * PageBatch.MAX_CONTENT_BYTES);

  private static final int MAX_REPLY_BYTES = 1 << 20;

  private final String host;
  private final int port;
  private final Duration connect;
  private final EventLoopGroup controlThread = threads("migration-control", 1);
  private final EventLoopGroup pageThreads;
  private final int streams;

  /** Connections for pages that nobody has taken yet, by their thread. */
  private final Map<EventLoop, ManagedChannel> ahead = new ConcurrentHashMap<>();

  /**
   * @param connect how long a connection may take to be made
   * @param streams how many connections for pages there are at a time, at most
   */
  Connections(String host, int port, Duration connect, int streams) {
    this.host = host;
    this.port = port;
    this.connect = connect;
    this.streams = streams;
    this.pageThreads = threads("migration-pages", streams);
  }

  private static EventLoopGroup threads(String name, int count) {
    return new MultiThreadIoEventLoopGroup(
        count, new DefaultThreadFactory(name, true), NioIoHandler.newFactory());
  }

  /** Makes a connection for control; it is opened by its first call. */
  ManagedChannel open() {
    return builder(controlThread).build();
  }

  /** Returns the thread of the connections for control. */
  Executor controlThread() {
    return controlThread;
  }

  /** Begins to make a connection for each stream of pages; nobody waits for that. */
  void connectAhead() {
    for (int stream = 0; stream < streams; stream++) {
      EventLoop thread = pageThreads.next();
      ManagedChannel channel = buildForPages(thread);
      channel.getState(true);
      ahead.put(thread, channel);
    }
  }

  /** Makes a connection for pages, or takes one that was; its callbacks come on this thread. */
  ManagedChannel openForPages(EventLoop thread) {
    ManagedChannel made = ahead.remove(thread);
    return made == null ? buildForPages(thread) : made;
  }

  private ManagedChannel buildForPages(EventLoop thread) {
    return builder(thread).directExecutor().build();
  }

  /** Returns a thread for a stream of pages: in turn, so that each stream has its own. */
  EventLoop nextPageThread() {
    return pageThreads.next();
  }

  private NettyChannelBuilder builder(EventLoopGroup group) {
    return NettyChannelBuilder.forAddress(host, port)
        .usePlaintext()
        .proxyDetector(address -> null)
        .disableRetry()
        .intercept(CheckedCalls.ofSource())
        .eventLoopGroup(group)
        .channelType(NioSocketChannel.class)
        .withOption(ChannelOption.CONNECT_TIMEOUT_MILLIS, (int) connect.toMillis())
        .withOption(ChannelOption.WRITE_BUFFER_WATER_MARK, WAITING_BYTES)
        .flowControlWindow(FLOW_CONTROL_WINDOW_BYTES)
        .maxInboundMessageSize(MAX_REPLY_BYTES);
  }

  /** Says in words why a call failed about which the destination itself said nothing. */
  String why(StatusRuntimeException e) {
    String reason = e.getStatus().getDescription();
    for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
      reason =
          cause instanceof NullPointerException || cause instanceof IndexOutOfBoundsException
              ? "what came from there makes no sense: the link changes bytes" // to a library
              : cause.getMessage();
    }
    if (reason != null && reason.contains("protocol negotiation")) {
      reason = "the connection was closed while it was being made"; // it names parts of a library
    }
    Status.Code code = e.getStatus().getCode();
    return switch (code) {
      case DEADLINE_EXCEEDED -> this + " did not answer in time";
      case UNAVAILABLE -> this + " cannot be reached: " + reason;
      default -> this + " failed: " + code + (reason == null ? "" : ", " + reason);
    };
  }

  @Override
  public String toString() {
    return host + ":" + port;
  }

  @Override
  public void close() {
    ahead.values().forEach(ManagedChannel::shutdownNow);
    ahead.clear();
    controlThread.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    pageThreads.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }
}
