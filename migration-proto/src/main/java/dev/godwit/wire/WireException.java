package dev.godwit.wire;

import org.jspecify.annotations.Nullable;

/** What came over the wire cannot be accepted, or nothing came. */
public final class WireException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final PeerError.Code code;

  /**
   * @param code what is wrong, as the other side is told
   * @param message a sentence that a user can act on
   */
  public WireException(PeerError.Code code, String message) {
    this(code, message, null);
  }

  /**
   * @param code what is wrong, as the other side is told
   * @param message a sentence that a user can act on
   * @param cause what was caught
   */
  public WireException(PeerError.Code code, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** Returns what is wrong. */
  public PeerError.Code code() {
    return code;
  }
}
