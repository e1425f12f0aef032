package dev.godwit.wire;

import dev.godwit.proto.v1.PreflightReply;
import org.jspecify.annotations.Nullable;

/** How a run's pages are carried. */
public enum PageEncoding {
  /** All pages are zero; no content. */
  ZERO(dev.godwit.proto.v1.PageEncoding.PAGE_ENCODING_ZERO),
  /** The pages as they are. */
  RAW(dev.godwit.proto.v1.PageEncoding.PAGE_ENCODING_RAW),
  /** One LZ4 block for all of the pages. */
  LZ4(dev.godwit.proto.v1.PageEncoding.PAGE_ENCODING_LZ4),
  /**
   * One LZ4 block of the pages XORed with what came of them in an earlier round; no content if they
   * have not changed since.
   */
  DELTA(dev.godwit.proto.v1.PageEncoding.PAGE_ENCODING_DELTA);

  private final dev.godwit.proto.v1.PageEncoding proto;

  PageEncoding(dev.godwit.proto.v1.PageEncoding proto) {
    this.proto = proto;
  }

  dev.godwit.proto.v1.PageEncoding proto() {
    return proto;
  }

  /** Adds to a destination's consent what it lands beside what all of them do. */
  public static PreflightReply.Builder consent(PreflightReply.Builder reply) {
    return reply.addPageEncodings(DELTA.proto);
  }

  /** Says whether a destination that consented so lands DELTA: older ones do not. */
  public static boolean deltaLands(PreflightReply consent) {
    return consent.getPageEncodingsList().contains(DELTA.proto);
  }

  static @Nullable PageEncoding of(dev.godwit.proto.v1.PageEncoding proto) {
    for (PageEncoding encoding : values()) {
      if (encoding.proto == proto) {
        return encoding;
      }
    }
    return null;
  }
}
