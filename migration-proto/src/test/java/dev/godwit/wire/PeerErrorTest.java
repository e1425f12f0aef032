package dev.godwit.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.godwit.proto.v1.MigrationError;
import io.grpc.Metadata;
import org.junit.jupiter.api.Test;

class PeerErrorTest {
  @Test
  void everyCodeTravelsInTheTrailersOfAFailedCall() {
    for (PeerError.Code code : PeerError.Code.values()) {
      PeerError sent = new PeerError(code, "what went wrong");
      assertEquals(sent, PeerError.from(sent.toStatus().getTrailers()));
    }
  }

  @Test
  void aFailureWithoutTrailersIsTheLinks() {
    assertNull(PeerError.from(null));
    assertNull(PeerError.from(new Metadata()));
  }

  @Test
  void aCodeFromTheFutureIsAnInternalError() {
    MigrationError unknown =
        MigrationError.newBuilder().setCodeValue(12345).setMessage("later").build();
    assertEquals(new PeerError(PeerError.Code.INTERNAL, "later"), PeerError.fromProto(unknown));
  }

  @Test
  void aPeersTextCannotControlATerminalOrFillIt() {
    String hostile = "\u001b[2Jgone\r\n\u202eevil" + "x".repeat(100_000);
    PeerError error = new PeerError(PeerError.Code.INTERNAL, hostile);
    assertEquals(PeerError.MAX_MESSAGE_CHARS, error.message().length());
    assertEquals("?[2Jgone???evil", error.message().substring(0, 15));
  }
}
