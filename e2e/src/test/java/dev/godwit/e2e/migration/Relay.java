package dev.godwit.e2e.migration;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A TCP relay between a source and a destination that does to their connections what networks do.
 */
public final class Relay implements AutoCloseable {
  /** What happens to bytes of one direction. */
  public enum Mode {
    /** They pass. */
    PASS,
    /** They wait: the connection is half-open, and may come alive again. */
    HOLD,
    /** They vanish. */
    SWALLOW
  }

  private static final String NO_CALL = "nobody waits for a call";

  private final ServerSocket listening;
  private final int targetPort;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();

  /** Connections from the source on which no answer passes. */
  private final Set<Socket> unanswered = ConcurrentHashMap.newKeySet();

  private volatile Mode toDestination = Mode.PASS;
  private volatile Mode toSource = Mode.PASS;
  private volatile boolean refusing;
  private volatile int delayMillis;
  private final AtomicInteger connections = new AtomicInteger();
  private final AtomicReference<@Nullable CallHook> hook = new AtomicReference<>();

  /**
   * @param path how a call's name is written on the wire: gRPC's :path, the first time on a
   *     connection as it is
   * @param action given the connection from the source that it comes on
   */
  private record CallHook(String path, Consumer<Socket> action) {}

  /** Begins to listen on a port of its own. */
  public Relay(int targetPort) throws IOException {
    this.targetPort = targetPort;
    this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  /** Returns where it listens. */
  public int port() {
    return listening.getLocalPort();
  }

  /**
   * Does something, once, before the first message of a call passes on to the destination.
   *
   * @param call its name, as in {@code Commit}
   * @param action may take its time: until it ends, nothing of that connection passes
   */
  public void beforeCall(String call, Runnable action) {
    hook(call, connection -> action.run());
  }

  /**
   * From a call's first message on, holds what the destination says on the connection that it comes
   * on. Other connections pass.
   *
   * @param call as of {@link #beforeCall}
   */
  public void holdAnswersFrom(String call) {
    hook(call, unanswered::add);
  }

  private void hook(String call, Consumer<Socket> action) {
    hook.set(new CallHook("/godwit.v1.Migration/" + call, action));
  }

  private @Nullable Socket connectOrNull() {
    try {
      return new Socket(InetAddress.getLoopbackAddress(), targetPort);
    } catch (IOException e) {
      return null;
    }
  }

  private void accept() {
    try {
      while (true) {
        Socket source = listening.accept();
        if (refusing) {
          source.close();
          continue;
        }
        connections.incrementAndGet();
        Socket destination = connectOrNull();
        if (destination == null) {
          source.close(); // as the destination's host would
          continue;
        }
        source.setOption(StandardSocketOptions.TCP_NODELAY, true);
        destination.setOption(StandardSocketOptions.TCP_NODELAY, true);
        sockets.add(source);
        sockets.add(destination);
        Thread.ofVirtual().start(() -> copy(source, destination, true));
        Thread.ofVirtual().start(() -> copy(destination, source, false));
      }
    } catch (IOException e) {
      // Closed: the test is over.
    }
  }

  private void copy(Socket from, Socket to, boolean towardsDestination) {
    byte[] bytes = new byte[64 << 10];
    FirstMessages messages = new FirstMessages();
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int length = in.read(bytes); length >= 0; length = in.read(bytes)) {
        if (towardsDestination) {
          watch(from, messages, bytes, length);
        }
        if (delayMillis > 0) {
          Thread.sleep(delayMillis);
        }
        while ((mode(towardsDestination) == Mode.HOLD
                || (!towardsDestination && unanswered.contains(to)))
            && !from.isClosed()) {
          Thread.sleep(5);
        }
        if (mode(towardsDestination) == Mode.PASS) {
          out.write(bytes, 0, length);
        }
      }
    } catch (IOException | InterruptedException e) {
      // One end closed, or both were cut.
    } finally {
      sockets.remove(from);
      sockets.remove(to);
    }
  }

  private void watch(Socket connection, FirstMessages messages, byte[] bytes, int length) {
    CallHook wanted = hook.get();
    if (messages.beginIn(bytes, length, wanted == null ? NO_CALL : wanted.path)
        && wanted != null
        && hook.compareAndSet(wanted, null)) {
      wanted.action.accept(connection);
    }
  }

  private Mode mode(boolean towardsDestination) {
    return towardsDestination ? toDestination : toSource;
  }

  /** Returns how many connections have been made. */
  int connections() {
    return connections.get();
  }

  /** Sets what happens to bytes of each direction from now on. */
  public void setModes(Mode destination, Mode source) {
    toDestination = destination;
    toSource = source;
  }

  /** Delays each piece in each direction. */
  void setDelayMillis(int millis) {
    delayMillis = millis;
  }

  /** Cuts all connections; new ones are cut at once until {@link #heal}. */
  public void cut() {
    refusing = true;
    cutOnce();
  }

  /** Cuts all connections; new ones pass. */
  public void cutOnce() {
    for (Socket socket : sockets) {
      try {
        socket.setSoLinger(true, 0);
        socket.close();
      } catch (IOException e) {
        // It was closed already.
      }
    }
  }

  /** Lets everything pass again, on new connections. */
  public void heal() {
    refusing = false;
    setModes(Mode.PASS, Mode.PASS);
    delayMillis = 0;
  }

  /** Says whether it is over. */
  boolean isClosed() {
    return listening.isClosed();
  }

  @Override
  public void close() throws IOException {
    listening.close();
    cut();
  }
}
