package dev.godwit.cli.demo;

/** The demonstration cannot go on. */
public final class DemoException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message a sentence that a user can act on
   */
  public DemoException(String message) {
    super(message);
  }

  /**
   * @param message a sentence that a user can act on
   * @param cause what was caught
   */
  public DemoException(String message, Throwable cause) {
    super(message, cause);
  }
}
