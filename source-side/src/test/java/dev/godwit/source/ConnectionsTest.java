package dev.godwit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.grpc.Status;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ConnectionsTest {
  @Test
  @Timeout(30)
  void closesTheConnectionsForPagesThatNobodyTook() throws IOException {
    try (ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      String host = listening.getInetAddress().getHostAddress();
      List<Socket> made = new ArrayList<>();
      try (Connections connections =
          new Connections(host, listening.getLocalPort(), Duration.ofSeconds(1), 2)) {
        connections.connectAhead();
        made.add(listening.accept());
        made.add(listening.accept());
      }
      for (Socket socket : made) {
        socket.getInputStream().readAllBytes(); // returns when it was closed
        socket.close();
      }
    }
  }

  /** As the HTTP/2 library does with a header's name of which one bit is another. */
  @Test
  void saysInWordsThatALibraryBrokeOnWhatCame() {
    try (Connections connections = new Connections("there", 7070, Duration.ofSeconds(1), 1)) {
      assertEquals(
          "there:7070 failed: INTERNAL, what came from there makes no sense: the link changes"
              + " bytes",
          connections.why(
              Status.INTERNAL
                  .withCause(new NullPointerException("because \"x\" is null"))
                  .asRuntimeException()));
    }
  }
}
