package dev.godwit.dest.file;

import java.util.Optional;

/**
 * What a user may decide about a restore.
 *
 * @param name the machine's new name; empty for the one it had
 * @param verifyRam whether all of FILE is read and checked first. Without, a damaged page is found
 *     by the guest
 * @param catchUp whether the time since the snapshot passes in the guest at once; otherwise the
 *     guest does not notice it
 */
public record RestoreOptions(Optional<String> name, boolean verifyRam, boolean catchUp) {
  /** What a user gets who decides nothing. */
  public static final RestoreOptions DEFAULT = new RestoreOptions(Optional.empty(), true, false);

  /** Returns the same with another name. */
  public RestoreOptions withName(String value) {
    return new RestoreOptions(Optional.of(value), verifyRam, catchUp);
  }

  /** Returns the same with FILE checked or not. */
  public RestoreOptions withVerifyRam(boolean value) {
    return new RestoreOptions(name, value, catchUp);
  }

  /** Returns the same with the time caught up or not. */
  public RestoreOptions withCatchUp(boolean value) {
    return new RestoreOptions(name, verifyRam, value);
  }
}
