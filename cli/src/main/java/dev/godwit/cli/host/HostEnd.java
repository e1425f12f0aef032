package dev.godwit.cli.host;

import dev.godwit.cli.ExitStatus;
import java.util.OptionalInt;

/**
 * How a machine's process ends.
 *
 * @param status its exit status
 * @param sentence what happened, for its user
 * @param guestStatus the exit status that the guest asked for, which goes first
 */
public record HostEnd(ExitStatus status, String sentence, OptionalInt guestStatus) {
  /** An end without a say of the guest's. */
  public HostEnd(ExitStatus status, String sentence) {
    this(status, sentence, OptionalInt.empty());
  }

  /** Returns the process's exit status. */
  public int code() {
    return guestStatus.orElse(status.code());
  }
}
