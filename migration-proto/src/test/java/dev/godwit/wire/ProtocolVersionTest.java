package dev.godwit.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.proto.v1.HelloReply;
import dev.godwit.proto.v1.HelloRequest;
import org.junit.jupiter.api.Test;

class ProtocolVersionTest {
  private static HelloRequest offer(int oldest, int newest) {
    return HelloRequest.newBuilder()
        .setOldestVersion(oldest)
        .setNewestVersion(newest)
        .setProducer("godwit 9")
        .build();
  }

  private static WireException refusal(int oldest, int newest) {
    return assertThrows(
        WireException.class, () -> ProtocolVersion.answer(offer(oldest, newest), "godwit 0"));
  }

  @Test
  void agreesOnTheNewestThatBothSpeak() {
    int agreed =
        ProtocolVersion.accept(ProtocolVersion.answer(ProtocolVersion.hello("godwit"), "godwit"));
    assertEquals(ProtocolVersion.NEWEST, agreed);
    assertEquals(
        ProtocolVersion.NEWEST, ProtocolVersion.answer(offer(1, 1000), "godwit").getVersion());
    assertEquals(
        ProtocolVersion.OLDEST,
        ProtocolVersion.answer(offer(1, ProtocolVersion.OLDEST), "godwit").getVersion());
  }

  @Test
  void refusesASourceThatSpeaksOnlyNewerVersionsAndSaysWhichGodwitHelps() {
    WireException refusal = refusal(ProtocolVersion.NEWEST + 1, ProtocolVersion.NEWEST + 2);
    assertEquals(PeerError.Code.VERSION, refusal.code());
    assertTrue(String.valueOf(refusal.getMessage()).contains("use a newer godwit here"));
    assertTrue(String.valueOf(refusal.getMessage()).contains("godwit 9"));
  }

  @Test
  void refusesOffersThatAreNoRange() {
    for (int[] range : new int[][] {{0, 0}, {0, 1}, {2, 1}, {-1, 1}, {1, -1}}) {
      assertEquals(PeerError.Code.PROTOCOL, refusal(range[0], range[1]).code());
    }
  }

  @Test
  void refusesADestinationThatChoosesWhatWasNotOffered() {
    for (int version : new int[] {0, -1, ProtocolVersion.NEWEST + 1}) {
      WireException refusal =
          assertThrows(
              WireException.class,
              () -> ProtocolVersion.accept(HelloReply.newBuilder().setVersion(version).build()));
      assertEquals(PeerError.Code.VERSION, refusal.code());
    }
  }

  @Test
  void refusesASourceThatGoesOnInAnotherVersion() {
    ProtocolVersion.requireSpoken(ProtocolVersion.NEWEST);
    assertThrows(
        WireException.class, () -> ProtocolVersion.requireSpoken(ProtocolVersion.NEWEST + 1));
    assertThrows(WireException.class, () -> ProtocolVersion.requireSpoken(0));
  }
}
