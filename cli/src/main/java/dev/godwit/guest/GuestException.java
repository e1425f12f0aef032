package dev.godwit.guest;

import org.jspecify.annotations.Nullable;

/** The guest assets cannot be had; the message says what to install or to do. */
public final class GuestException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What is wrong. */
  public enum Code {
    /** A program of the host is missing: the message names the package to install. */
    TOOL_MISSING,
    /** No configured package source offers the package. */
    PACKAGE_NOT_FOUND,
    /** The package is known but could not be downloaded. */
    DOWNLOAD_FAILED,
    /** A downloaded file is not the one that the signed package index names. */
    HASH_MISMATCH,
    /** A package does not contain what was expected. */
    BAD_PACKAGE,
    /** The guest program does not compile. */
    COMPILE_FAILED,
    /** The cache folder cannot be read or written. */
    CACHE_IO
  }

  private final Code code;

  /**
   * @param code what is wrong
   * @param message a sentence that says what to do
   */
  public GuestException(Code code, String message) {
    this(code, message, null);
  }

  /**
   * @param code what is wrong
   * @param message a sentence that says what to do
   * @param cause what was caught
   */
  public GuestException(Code code, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** Returns what is wrong. */
  public Code code() {
    return code;
  }
}
