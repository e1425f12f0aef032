package dev.godwit.boot;

import org.jspecify.annotations.Nullable;

/**
 * A machine cannot be given something to boot. The message names the file and what is wrong with
 * it.
 */
public final class BootException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What is wrong. */
  public enum Code {
    /** A file is missing or cannot be read. */
    UNREADABLE_FILE,
    /** The file is no kernel that says so. */
    NOT_A_KERNEL,
    /** A kernel that lacks what this loader needs: too old, or 32-bit. */
    UNSUPPORTED_KERNEL,
    /** The file contradicts itself or ends early. */
    CORRUPT_KERNEL,
    /** Kernel and initrd need more RAM, or other RAM, than the machine has. */
    DOES_NOT_FIT,
    /** The command line is too long or holds a NUL character. */
    BAD_COMMAND_LINE
  }

  private final Code code;

  /**
   * @param code what is wrong
   * @param message a sentence that a user can act on
   */
  public BootException(Code code, String message) {
    this(code, message, null);
  }

  /**
   * @param code what is wrong
   * @param message a sentence that a user can act on
   * @param cause what was caught
   */
  public BootException(Code code, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** Returns what is wrong. */
  public Code code() {
    return code;
  }
}
