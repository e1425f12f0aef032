package dev.godwit.cli;

import org.jspecify.annotations.Nullable;

/** A command cannot do what it was told to. */
public final class CliException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final ExitStatus status;

  /**
   * @param status what the command exits with
   * @param message a sentence that a user can act on
   */
  public CliException(ExitStatus status, String message) {
    this(status, message, null);
  }

  /**
   * @param status what the command exits with
   * @param message a sentence that a user can act on
   * @param cause what was caught
   */
  public CliException(ExitStatus status, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.status = status;
  }

  /** Returns what the command exits with. */
  public ExitStatus status() {
    return status;
  }
}
