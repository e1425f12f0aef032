package dev.godwit.machine;

/** A machine cannot be made or cannot do what it is asked to. */
public final class MachineException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What is wrong. */
  public enum Code {
    /** The configuration asks for what does not exist or makes no sense. */
    BAD_CONFIG,
    /** The machine is not in a state in which that can be done. */
    WRONG_STATE,
    /** The host lacks something: memory, an engine. */
    HOST_REFUSED,
    /** A vCPU or device did not stand still in time; the machine goes on. */
    LOCK_TIMEOUT
  }

  private final Code code;

  /**
   * @param code what is wrong
   * @param message a sentence that a user can act on
   */
  public MachineException(Code code, String message) {
    super(message);
    this.code = code;
  }

  /** Returns what is wrong. */
  public Code code() {
    return code;
  }
}
