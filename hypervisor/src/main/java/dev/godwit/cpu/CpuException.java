package dev.godwit.cpu;

/** An engine cannot do what it is asked to; the guest is not to blame. */
public final class CpuException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Whose fault it is. */
  public enum Code {
    /** Guest code needs a feature that this engine lacks. */
    UNSUPPORTED,
    /** A vCPU state to restore is malformed or needs another CPU model. */
    BAD_STATE,
    /** The host refused something that the engine needs. */
    HOST_REFUSED
  }

  private final Code code;

  /**
   * @param code whose fault
   * @param message a sentence that a user can act on
   */
  public CpuException(Code code, String message) {
    super(message);
    this.code = code;
  }

  /** Returns whose fault it is. */
  public Code code() {
    return code;
  }
}
