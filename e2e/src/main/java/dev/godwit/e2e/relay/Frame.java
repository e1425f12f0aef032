package dev.godwit.e2e.relay;

import org.jspecify.annotations.Nullable;

/**
 * A frame of HTTP/2 (RFC 9113, 4.1).
 *
 * @param bytes all of it; nothing at the end of the connection
 * @param stream the call's, 0 for the connection's own
 * @param begins the message that begins with it, or null
 * @param ends the message that ends with it, or null
 */
public record Frame(byte[] bytes, int stream, @Nullable Boundary begins, @Nullable Boundary ends) {
  /** What comes before its payload. */
  public static final int HEADER_BYTES = 9;

  static final Frame END = new Frame(new byte[0], 0, null, null);

  boolean isEnd() {
    return bytes.length == 0;
  }
}
