package dev.godwit.snapshot;

import org.jspecify.annotations.Nullable;

/** Saved state cannot be written, read or restored. */
public final class SnapshotException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What is wrong. */
  public enum Code {
    /** Not a Godwit stream or snapshot at all. */
    NOT_A_SNAPSHOT,
    /** The format or a section is newer than this program. */
    TOO_NEW,
    /** A file or stream ends early, or a file of the snapshot is missing. */
    TRUNCATED,
    /** A checksum or digest does not match, or a message does not parse. */
    CORRUPT,
    /** The snapshot that an incremental one builds on is not there, or another is in its place. */
    MISSING_BASE,
    /** A section that this machine needs is not there. */
    MISSING_SECTION,
    /** A section came twice, in the wrong place, or for a part that this machine does not have. */
    UNEXPECTED_SECTION,
    /** A section parses but its values make no sense for its part. */
    BAD_VALUE,
    /** The host failed: disk full, permission, input or output error. */
    HOST_IO
  }

  private final Code code;

  /**
   * @param code what is wrong
   * @param message a sentence that names the place and says what to do
   */
  public SnapshotException(Code code, String message) {
    this(code, message, null);
  }

  /**
   * @param code what is wrong
   * @param message a sentence that names the place and says what to do
   * @param cause what was caught
   */
  public SnapshotException(Code code, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** Returns what is wrong. */
  public Code code() {
    return code;
  }
}
