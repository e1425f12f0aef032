package dev.godwit.device;

import dev.godwit.snapshot.SavedPart;
import dev.godwit.snapshot.SnapshotException;

/**
 * Checks what a part is to be restored from. Every complaint is a {@link SnapshotException} {@code
 * BAD_VALUE} that names the section and the field.
 */
public final class StateCheck {
  private final SavedPart<?> part;

  /** Makes checks for a part, which complaints name. */
  public StateCheck(SavedPart<?> part) {
    this.part = part;
  }

  /** Returns a value that may have no other bits than {@code allowedBits}. */
  public int bits(String field, int value, int allowedBits) {
    that(
        (value & ~allowedBits) == 0,
        "%s is 0x%x, beyond 0x%x".formatted(field, value, allowedBits));
    return value;
  }

  /**
   * Returns a value that lies between two others, both included; negative ones are out of every
   * range of counts.
   */
  public long range(String field, long value, long least, long most) {
    that(
        value >= least && value <= most,
        "%s is %d, not %d to %d".formatted(field, value, least, most));
    return value;
  }

  /** Complains unless a claim holds. */
  public void that(boolean holds, String complaint) {
    if (!holds) {
      throw new SnapshotException(
          SnapshotException.Code.BAD_VALUE,
          "section %s/%s cannot be restored: %s"
              .formatted(part.kind().name(), part.instance(), complaint));
    }
  }
}
