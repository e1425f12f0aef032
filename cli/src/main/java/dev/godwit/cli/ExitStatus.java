package dev.godwit.cli;

/** What a command's exit status says. {@code docs/cli.md} has the same table. */
public enum ExitStatus {
  /** It was done. */
  OK(0),
  /** It failed, for a reason that none of the others names. */
  FAILED(1),
  /** The command makes no sense; nothing was done. */
  USAGE(2),
  /** There is no machine of that name here. */
  NO_SUCH_MACHINE(3),
  /** Not as things are: the machine is in the wrong state, or the name is in use. */
  WRONG_STATE(4),
  /** The migration or snapshot failed; the machine goes on where it was. */
  TRANSFER_FAILED(5),
  /** The migration or snapshot was cancelled; the machine goes on where it was. */
  CANCELLED(6),
  /**
   * Nobody here knows how it ended. After COMMIT, the machine waits at the source, whole and
   * stopped, until the destination answers or a person decides.
   */
  OUTCOME_UNKNOWN(7),
  /** The guest ended otherwise than by powering off: it reset or crashed the (virtual) CPU. */
  GUEST_FAILED(8),
  /** The snapshot is damaged, incomplete or newer than this program. */
  BAD_SNAPSHOT(9);

  private final int code;

  ExitStatus(int code) {
    this.code = code;
  }

  /** Returns the number. */
  public int code() {
    return code;
  }
}
