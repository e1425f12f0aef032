package dev.godwit.control;

import org.jspecify.annotations.Nullable;

/** A machine's process cannot be reached, or does not do what it is asked to. */
public final class ControlException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What is wrong. */
  public enum Code {
    /** No process of this name runs here. */
    NO_SUCH_MACHINE,
    /** A process of this name runs here already. */
    NAME_IN_USE,
    /** The machine is not in a state in which that can be done. */
    WRONG_STATE,
    /** The request makes no sense. */
    BAD_REQUEST,
    /** It was tried and failed; the machine is as it was. */
    FAILED,
    /** Its user cancelled it; the machine is as it was. */
    CANCELLED,
    /** The process was there but does not answer, or died while it answered. */
    NO_ANSWER,
    /** The folder of the sockets cannot be used. */
    HOST_REFUSED,
    /** Our bug. */
    INTERNAL
  }

  private final Code code;

  /**
   * @param code what is wrong
   * @param message a sentence that a user can act on
   */
  public ControlException(Code code, String message) {
    this(code, message, null);
  }

  /**
   * @param code what is wrong
   * @param message a sentence that a user can act on
   * @param cause what was caught
   */
  public ControlException(Code code, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** Returns what is wrong. */
  public Code code() {
    return code;
  }
}
