package dev.godwit.memory;

/** Guest RAM could not be made, mapped or accessed as asked. */
public final class MemoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Whose fault it is, and of what kind. */
  public enum Code {
    /**
     * The requested size is not a positive multiple of the page size, or is larger than supported.
     */
    BAD_SIZE,
    /** The host refused the memory. */
    HOST_REFUSED,
    /** A guest physical address range is not wholly RAM. */
    NOT_RAM,
    /** The file to map is shorter than the RAM it should hold, or cannot be opened. */
    BAD_FILE
  }

  private final Code code;

  /**
   * @param code the kind of failure
   * @param message a sentence that a user can act on
   */
  public MemoryException(Code code, String message) {
    super(message);
    this.code = code;
  }

  /** Returns the kind of failure. */
  public Code code() {
    return code;
  }
}
