package dev.godwit.stream;

import com.google.protobuf.ByteString;
import dev.godwit.cpu.CodeHint;
import dev.godwit.proto.v1.CodeHints;
import dev.godwit.snapshot.SnapshotException;
import java.util.ArrayList;
import java.util.List;

/**
 * Hints about code to and from their message. What is read is checked as hostile input, but for
 * whether a hint is true: nothing follows from it.
 */
public final class CodeHintCodec {
  /** The most hints of a message. */
  public static final int MOST = 4096;

  private CodeHintCodec() {}

  /** Returns a message; {@link #MOST} hints at most. */
  public static CodeHints toProto(ByteString token, int vcpu, List<CodeHint> code) {
    CodeHints.Builder message = CodeHints.newBuilder().setToken(token).setVcpu(vcpu);
    for (CodeHint hint : code) {
      message.addRips(hint.rip()).addGfns(hint.gfn()).addUsers(hint.user());
    }
    return message.build();
  }

  /**
   * Reads the hints.
   *
   * @throws SnapshotException {@code CORRUPT} if the lists differ in length, or are too long
   */
  public static List<CodeHint> fromProto(CodeHints message) {
    int count = message.getRipsCount();
    if (count > MOST || message.getGfnsCount() != count || message.getUsersCount() != count) {
      throw new SnapshotException(
          SnapshotException.Code.CORRUPT,
          "hints come as lists of %d, %d and %d"
              .formatted(count, message.getGfnsCount(), message.getUsersCount()));
    }
    List<CodeHint> code = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      code.add(new CodeHint(message.getRips(i), message.getGfns(i), message.getUsers(i)));
    }
    return code;
  }
}
