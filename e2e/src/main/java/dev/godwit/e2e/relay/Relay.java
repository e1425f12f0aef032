package dev.godwit.e2e.relay;

import dev.godwit.e2e.relay.Boundary.Side;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.util.EnumMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * Stands between a source and a destination, knows which message passes, and does to their
 * connections what networks do, and worse.
 */
public final class Relay implements AutoCloseable {
  /** Is told of every message, on the thread that carries it, which waits meanwhile. */
  public interface Watcher {
    /**
     * A message is about to pass or has just passed.
     *
     * @param after whether its last byte has been sent on
     * @param pump the direction of the connection that it passes on
     * @param frame its first frame, or its last
     */
    void passing(Boundary boundary, boolean after, Pump pump, Frame frame);
  }

  /** What one direction of the network does; each pump looks before it sends something. */
  static final class Direction {
    volatile boolean holding;
    volatile boolean swallowing;
  }

  private final ServerSocket listening;
  private final int targetPort;
  private final boolean stopsAfterRound0;
  private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
  private final Map<Side, Direction> directions = new EnumMap<>(Side.class);
  private final AtomicInteger accepted = new AtomicInteger();
  private volatile Watcher watcher;
  private volatile boolean refusing;
  private volatile long delayNanos;
  private volatile long bytesPerSecond;

  /** Begins to listen on a port of its own; nobody watches. */
  public Relay(int targetPort) throws IOException {
    this(targetPort, false, (boundary, after, pump, frame) -> {});
  }

  /**
   * As above.
   *
   * @param stopsAfterRound0 whether the machine stands from round 1 on, which nothing on the wire
   *     says
   */
  public Relay(int targetPort, boolean stopsAfterRound0, Watcher watcher) throws IOException {
    this.targetPort = targetPort;
    this.stopsAfterRound0 = stopsAfterRound0;
    this.watcher = watcher;
    for (Side side : Side.values()) {
      directions.put(side, new Direction());
    }
    this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().name("relay-accept").start(this::accept);
  }

  /** Returns where it listens. */
  public int port() {
    return listening.getLocalPort();
  }

  /**
   * Does something, once, before a message passes; nobody else watches any more.
   *
   * @param action is given the direction of the connection that the message comes on, of which
   *     nothing passes until it returns
   */
  public void before(Boundary boundary, Consumer<Pump> action) {
    AtomicBoolean done = new AtomicBoolean();
    watcher =
        (passing, after, pump, frame) -> {
          if (!after && passing.equals(boundary) && !done.getAndSet(true)) {
            action.accept(pump);
          }
        };
  }

  private void accept() {
    while (true) {
      try {
        Socket source = listening.accept();
        if (refusing) {
          reset(source);
          continue;
        }
        accepted.incrementAndGet();
        try {
          Socket destination = new Socket(InetAddress.getLoopbackAddress(), targetPort);
          new Connection(source, destination).start();
        } catch (IOException e) {
          // The destination is gone: so is the connection to it.
          reset(source);
        }
      } catch (IOException e) {
        if (listening.isClosed()) {
          return;
        }
      }
    }
  }

  Direction from(Side sender) {
    return directions.computeIfAbsent(sender, side -> new Direction());
  }

  /** Returns how many connections have been made. */
  public int connections() {
    return accepted.get();
  }

  /**
   * What a side sends waits from now on: its connections are half-open, and may come alive again.
   */
  public void hold(Side sender) {
    from(sender).holding = true;
  }

  /** What a side sends vanishes from now on, and its connections are lost by that. */
  public void swallow(Side sender) {
    from(sender).swallowing = true;
  }

  /** Delays everything from now on, without making it slower. */
  public void delay(long millis) {
    delayNanos = millis * 1_000_000;
  }

  /** Limits each direction of each connection from now on; 0 for no limit. */
  public void limit(long newBytesPerSecond) {
    bytesPerSecond = newBytesPerSecond;
  }

  /** Cuts all connections; new ones pass. */
  public void cutOnce() {
    connections.forEach(Connection::cut);
  }

  /** Closes all connections in an orderly way; new ones pass. */
  public void closeAll() {
    connections.forEach(Connection::end);
  }

  /** Cuts all connections; new ones are cut at once until {@link #heal}. */
  public void cut() {
    refusing = true;
    cutOnce();
  }

  /** Lets everything pass again. A connection of which something was swallowed is lost. */
  public void heal() {
    refusing = false;
    delayNanos = 0;
    bytesPerSecond = 0;
    for (Side side : Side.values()) {
      from(side).holding = false;
      from(side).swallowing = false;
    }
    connections.stream().filter(Connection::hasLost).forEach(Connection::cut);
  }

  /** Says whether it is over. */
  public boolean isClosed() {
    return listening.isClosed();
  }

  @Override
  public void close() throws IOException {
    listening.close();
    cutOnce();
  }

  private static void reset(Socket socket) {
    try {
      socket.setSoLinger(true, 0);
      socket.close();
    } catch (IOException e) {
      // It was closed already.
    }
  }

  /** A connection of the source's and the one to the destination that continues it. */
  final class Connection {
    private final Socket source;
    private final Socket destination;
    private final Pump toDestination;
    private final Pump toSource;
    private volatile boolean cut;

    private Connection(Socket source, Socket destination) throws IOException {
      this.source = source;
      this.destination = destination;
      for (Socket socket : new Socket[] {source, destination}) {
        socket.setOption(StandardSocketOptions.TCP_NODELAY, true);
      }
      FrameStream.Calls calls = new FrameStream.Calls();
      toDestination =
          new Pump(
              this,
              new FrameStream(Side.SOURCE, source.getInputStream(), calls, stopsAfterRound0),
              destination,
              Side.SOURCE);
      toSource =
          new Pump(
              this,
              new FrameStream(
                  Side.DESTINATION, destination.getInputStream(), calls, stopsAfterRound0),
              source,
              Side.DESTINATION);
    }

    private void start() {
      connections.add(this);
      toDestination.start(Relay.this);
      toSource.start(Relay.this);
    }

    /** Breaks it: each side gets a reset, and what was on the way is lost. */
    void cut() {
      cut = true;
      reset(source);
      reset(destination);
      connections.remove(this);
    }

    /** Closes it in an orderly way: each side reads the end. */
    void end() {
      cut = true;
      for (Socket socket : new Socket[] {source, destination}) {
        try {
          socket.close();
        } catch (IOException e) {
          // It was closed already.
        }
      }
      connections.remove(this);
    }

    boolean isCut() {
      return cut;
    }

    private boolean hasLost() {
      return toDestination.hasLost() || toSource.hasLost();
    }

    /** One direction has ended; the last one closes. */
    void ended() {
      if (toDestination.hasEnded() && toSource.hasEnded()) {
        end();
      }
    }
  }

  long delayNanos() {
    return delayNanos;
  }

  long bytesPerSecond() {
    return bytesPerSecond;
  }

  Watcher watcher() {
    return watcher;
  }
}
