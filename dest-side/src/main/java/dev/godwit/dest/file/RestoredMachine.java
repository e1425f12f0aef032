package dev.godwit.dest.file;

import dev.godwit.machine.Machine;
import dev.godwit.snapshot.file.SnapshotManifest;

/**
 * A machine as its snapshot has it, whole, and not started.
 *
 * @param machine the machine; the caller's from now on
 * @param manifest what the snapshot says of itself
 * @param skippedNanos the guest time that passed at once; 0 unless it was to catch up
 */
public record RestoredMachine(Machine machine, SnapshotManifest manifest, long skippedNanos) {
  /** Starts it: it runs, or is paused as it was. */
  public void start() {
    if (manifest.paused()) {
      machine.startPaused();
    } else {
      machine.start();
    }
  }
}
