package dev.godwit.source;

import org.jspecify.annotations.Nullable;

/**
 * A migration or snapshot failed. Unless {@link Code#TAKEN_BY_FORCE} says otherwise, the machine is
 * where it was, and goes on as it did.
 */
public final class MigrationException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What went wrong. */
  public enum Code {
    /** Nobody answers at the destination's address. */
    UNREACHABLE,
    /** The destination does not take this machine, and said why. */
    REFUSED,
    /** The destination fell silent, or the connection broke. */
    PEER_LOST,
    /** The destination took it first, but something failed there, and it said what. */
    PEER_FAILED,
    /**
     * The guest changes its memory faster than it can be sent within the pause that was allowed.
     */
    NOT_CONVERGING,
    /** The user cancelled. */
    CANCELLED,
    /** A phase took longer than it may. */
    TIMED_OUT,
    /** The machine has ended, or cannot be stopped for the last pages. */
    MACHINE,
    /** A file cannot be written: disk full, permission. */
    HOST_IO,
    /** What changed since a snapshot is not known, or that snapshot cannot be used. */
    UNKNOWN_BASE,
    /**
     * The user took the machine back by force while nobody knew whether the destination runs it.
     */
    TAKEN_BY_FORCE,
    /** Our bug. */
    INTERNAL
  }

  private final Code code;

  /**
   * @param code what went wrong
   * @param message a sentence that a user can act on
   */
  public MigrationException(Code code, String message) {
    this(code, message, null);
  }

  /**
   * @param code what went wrong
   * @param message a sentence that a user can act on
   * @param cause what was caught
   */
  public MigrationException(Code code, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** Returns what went wrong. */
  public Code code() {
    return code;
  }
}
