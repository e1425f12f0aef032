package dev.godwit.source;

import dev.godwit.machine.MachineState.StopReason;
import org.jspecify.annotations.Nullable;

/** What becomes of the machine here when the sink has its state. */
public enum Afterwards {
  /** It goes on: a live snapshot. The sink commits after the lock has been closed. */
  GOES_ON(null),
  /** It runs elsewhere. */
  MIGRATED(StopReason.MIGRATED),
  /** It waits in the snapshot. */
  SUSPENDED(StopReason.SUSPENDED);

  private final @Nullable StopReason reason;

  Afterwards(@Nullable StopReason reason) {
    this.reason = reason;
  }

  /** Returns why the machine ended here; null when it goes on. */
  public @Nullable StopReason stopReason() {
    return reason;
  }
}
