package dev.godwit.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.godwit.proto.v1.HandoverReply;
import dev.godwit.proto.v1.HandoverState;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class CheckedCallsTest {
  private static final HandoverReply RUNNING =
      HandoverReply.newBuilder().setState(HandoverState.HANDOVER_STATE_RUNNING).build();

  @Test
  void aSealedMessageIsAnOrdinaryMessage() throws Exception {
    byte[] sealed = CheckedCalls.seal(RUNNING.toByteArray());
    assertEquals(HandoverState.HANDOVER_STATE_RUNNING, HandoverReply.parseFrom(sealed).getState());
    assertArrayEquals(RUNNING.toByteArray(), CheckedCalls.open(sealed));
    assertArrayEquals(new byte[0], CheckedCalls.open(CheckedCalls.seal(new byte[0])));
  }

  /** One bit makes ABORTED of RUNNING. */
  @Test
  void noBitOfAnAnswerCanChangeUnnoticed() {
    byte[] sealed = CheckedCalls.seal(RUNNING.toByteArray());
    for (int bit = 0; bit < 8 * sealed.length; bit++) {
      byte[] other = sealed.clone();
      other[bit / 8] ^= (byte) (1 << bit % 8);
      WireException refused =
          assertThrows(WireException.class, () -> CheckedCalls.open(other), "bit " + bit);
      assertEquals(PeerError.Code.CORRUPT, refused.code());
    }
  }

  @Test
  void aMessageThatWasCutShortIsRefused() {
    byte[] sealed = CheckedCalls.seal(RUNNING.toByteArray());
    for (int length = 0; length < sealed.length; length++) {
      byte[] shorter = Arrays.copyOf(sealed, length);
      assertThrows(WireException.class, () -> CheckedCalls.open(shorter), "length " + length);
    }
  }
}
