package dev.godwit.wire;

import org.jspecify.annotations.Nullable;

/** How a run's pages are carried. */
public enum PageEncoding {
  /** All pages are zero; no content. */
  ZERO(dev.godwit.proto.v1.PageEncoding.PAGE_ENCODING_ZERO),
  /** The pages as they are. */
  RAW(dev.godwit.proto.v1.PageEncoding.PAGE_ENCODING_RAW),
  /** One LZ4 block for all of the pages. */
  LZ4(dev.godwit.proto.v1.PageEncoding.PAGE_ENCODING_LZ4);

  private final dev.godwit.proto.v1.PageEncoding proto;

  PageEncoding(dev.godwit.proto.v1.PageEncoding proto) {
    this.proto = proto;
  }

  dev.godwit.proto.v1.PageEncoding proto() {
    return proto;
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
