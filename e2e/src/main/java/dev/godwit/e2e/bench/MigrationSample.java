package dev.godwit.e2e.bench;

import org.jspecify.annotations.Nullable;

/**
 * One migration as it was measured.
 *
 * @param system "godwit" or "qemu"
 * @param setting how it was moved, as the system's guest knows it
 * @param hop 1 for the first migration of this guest
 * @param moved what the system says
 * @param totalMillis from the command until the system said that it was over
 * @param gapMillis the largest time between two heartbeats, from the command until a second after
 * @param quietGapMillis the same in the second before the command
 * @param lostBeats heartbeats that were lost or came twice
 * @param touchSecondsPerGib what {@link FreshMemory} cost right before
 * @param sourceCpuSeconds CPU time of the source, from the command until the end
 * @param destinationCpuSeconds of the destination
 * @param destinationCpuSecondsBefore CPU time of the destination before, its start included
 * @param sourceBeyondRamMib the most memory of the source beyond the guest's RAM; 0 if not asked
 * @param destinationBeyondRamMib of the destination
 */
record MigrationSample(
    String system,
    String setting,
    int hop,
    LiveGuest.Moved moved,
    double totalMillis,
    double gapMillis,
    double quietGapMillis,
    long lostBeats,
    double touchSecondsPerGib,
    double sourceCpuSeconds,
    double destinationCpuSeconds,
    double destinationCpuSecondsBefore,
    double sourceBeyondRamMib,
    double destinationBeyondRamMib) {

  double cpuSeconds() {
    return sourceCpuSeconds + destinationCpuSeconds;
  }

  /** Returns why the guest is not elsewhere and whole; null if it is. */
  @Nullable String fault() {
    if (moved.failure() != null) {
      return moved.failure();
    }
    return lostBeats == 0 ? null : lostBeats + " heartbeats lost or doubled";
  }
}
