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

/**
 * A TCP relay between a source and a destination that does to their connections what networks do.
 */
final class Relay implements AutoCloseable {
  /** What happens to bytes of one direction. */
  enum Mode {
    /** They pass. */
    PASS,
    /** They wait: the connection is half-open, and may come alive again. */
    HOLD,
    /** They vanish. */
    SWALLOW
  }

  private final ServerSocket listening;
  private final int targetPort;
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private volatile Mode toDestination = Mode.PASS;
  private volatile Mode toSource = Mode.PASS;
  private volatile boolean refusing;
  private volatile int delayMillis;

  Relay(int targetPort) throws IOException {
    this.targetPort = targetPort;
    this.listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return listening.getLocalPort();
  }

  private void accept() {
    try {
      while (true) {
        Socket source = listening.accept();
        if (refusing) {
          source.close();
          continue;
        }
        Socket destination = new Socket(InetAddress.getLoopbackAddress(), targetPort);
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
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int length = in.read(bytes); length >= 0; length = in.read(bytes)) {
        if (delayMillis > 0) {
          Thread.sleep(delayMillis);
        }
        while (mode(towardsDestination) == Mode.HOLD && !from.isClosed()) {
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

  private Mode mode(boolean towardsDestination) {
    return towardsDestination ? toDestination : toSource;
  }

  void setModes(Mode destination, Mode source) {
    toDestination = destination;
    toSource = source;
  }

  /** Delays each piece in each direction. */
  void setDelayMillis(int millis) {
    delayMillis = millis;
  }

  /** Cuts all connections; new ones are cut at once until {@link #heal}. */
  void cut() {
    refusing = true;
    cutOnce();
  }

  /** Cuts all connections; new ones pass. */
  void cutOnce() {
    for (Socket socket : sockets) {
      try {
        socket.setSoLinger(true, 0);
        socket.close();
      } catch (IOException e) {
        // It was closed already.
      }
    }
  }

  void heal() {
    refusing = false;
    setModes(Mode.PASS, Mode.PASS);
    delayMillis = 0;
  }

  @Override
  public void close() throws IOException {
    listening.close();
    cut();
  }
}
