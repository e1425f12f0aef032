package dev.godwit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.grpc.Status;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class ConnectionsTest {
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
