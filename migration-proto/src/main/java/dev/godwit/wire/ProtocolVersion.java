package dev.godwit.wire;

import dev.godwit.proto.v1.HelloReply;
import dev.godwit.proto.v1.HelloRequest;

/**
 * Which version of the protocol two sides speak: the newest that both know. Everything about
 * versions of the protocol is here; sections have versions of their own.
 *
 * <table>
 *   <caption>Versions</caption>
 *   <tr><td>1</td><td>the first: one stream of pages, COMMIT and Query by token</td></tr>
 *   <tr><td>2</td><td>the checksum of a stream's opening is of all of it</td></tr>
 * </table>
 */
public final class ProtocolVersion {
  /** The oldest version that this program speaks. */
  public static final int OLDEST = 1;

  /** The newest version that this program speaks. */
  public static final int NEWEST = 2;

  private static final int CHECKED_OPENINGS = 2;

  private ProtocolVersion() {}

  /** Returns what a source says first. */
  public static HelloRequest hello(String producer) {
    return HelloRequest.newBuilder()
        .setOldestVersion(OLDEST)
        .setNewestVersion(NEWEST)
        .setProducer(producer)
        .build();
  }

  /**
   * Returns a destination's answer.
   *
   * @throws WireException {@code VERSION} if no version is common, {@code PROTOCOL} if the offer
   *     makes no sense
   */
  public static HelloReply answer(HelloRequest request, String producer) {
    int oldest = request.getOldestVersion();
    int newest = request.getNewestVersion();
    if (oldest < 1 || newest < oldest) {
      throw new WireException(
          PeerError.Code.PROTOCOL,
          "the source offers the protocol versions %d to %d, which is no range"
              .formatted(Integer.toUnsignedLong(oldest), Integer.toUnsignedLong(newest)));
    }
    if (oldest > NEWEST || newest < OLDEST) {
      throw new WireException(
          PeerError.Code.VERSION,
          "the source (%s) speaks the protocol versions %d to %d, this destination (%s) %d to %d: use a %s godwit here"
              .formatted(
                  request.getProducer(),
                  oldest,
                  newest,
                  producer,
                  OLDEST,
                  NEWEST,
                  oldest > NEWEST ? "newer" : "older"));
    }
    return HelloReply.newBuilder()
        .setVersion(Math.min(newest, NEWEST))
        .setProducer(producer)
        .build();
  }

  /**
   * Checks a destination's answer and returns the version.
   *
   * @throws WireException {@code VERSION} if it is none that this source offered
   */
  public static int accept(HelloReply reply) {
    int version = reply.getVersion();
    if (version < OLDEST || version > NEWEST) {
      throw new WireException(
          PeerError.Code.VERSION,
          "the destination chose the protocol version %d; this source offered %d to %d"
              .formatted(Integer.toUnsignedLong(version), OLDEST, NEWEST));
    }
    return version;
  }

  /**
   * Says whether an opening has to come with a checksum of what it says. Sources write one in any
   * version: what it meant in version 1 was nothing, and nobody looked.
   */
  static boolean checksOpenings(int version) {
    return version >= CHECKED_OPENINGS;
  }

  /**
   * Checks that a version which a source says was agreed is one that this destination may have
   * agreed to.
   *
   * @throws WireException {@code VERSION} otherwise
   */
  public static void requireSpoken(int version) {
    if (version < OLDEST || version > NEWEST) {
      throw new WireException(
          PeerError.Code.VERSION,
          "the source continues in protocol version %d; this destination speaks %d to %d"
              .formatted(Integer.toUnsignedLong(version), OLDEST, NEWEST));
    }
  }
}
