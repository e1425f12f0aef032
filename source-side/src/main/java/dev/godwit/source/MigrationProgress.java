package dev.godwit.source;

/**
 * How far a migration or snapshot is; a moment's picture.
 *
 * @param phase what happens now
 * @param round the current round, 0 being the first pass over all pages
 * @param pages pages sent so far, in all rounds
 * @param zeroPages how many of them were zero
 * @param wireBytes bytes of page content sent so far, after compression
 * @param bytesPerSecond bytes of page content a second, lately
 * @param remainingPages pages of this round still to be sent; between rounds, pages that are dirty
 * @param dirtyPagesPerSecond how fast the guest dirties pages, by the last round; 0 before there
 *     was one
 * @param throttlePercent share of the time in which the vCPUs are made to stand, so that the guest
 *     converges
 * @param deltaPages pages sent as differences so far, unchanged ones included
 * @param deltaSavedBytes how many bytes less those were
 * @param heldPages how many times a page was held back so far, instead of being sent only to be
 *     sent again
 * @param expectedDowntimeNanos the pause if the machine were stopped now; 0 before there is an
 *     estimate
 * @param elapsedNanos time since the beginning
 * @param detail what a person should know beside that: in {@link Phase#WAITING_FOR_ANSWER}, why
 *     there is no answer; else empty
 */
public record MigrationProgress(
    Phase phase,
    int round,
    long pages,
    long zeroPages,
    long wireBytes,
    long bytesPerSecond,
    long remainingPages,
    long dirtyPagesPerSecond,
    int throttlePercent,
    long deltaPages,
    long deltaSavedBytes,
    long heldPages,
    long expectedDowntimeNanos,
    long elapsedNanos,
    String detail) {

  /** The phases, in their order. */
  public enum Phase {
    /** Not begun. */
    IDLE,
    /** Asking the sink whether it can take the machine. */
    PREFLIGHT,
    /** Sending pages while the guest runs. */
    PRECOPY,
    /** The guest stands still; the rest is sent. */
    STOPPED,
    /** The sink has been told to take the machine. */
    COMMITTING,
    /**
     * The sink has been told, and the answer got lost: the machine stands here, whole and locked,
     * until the sink answers or a person decides.
     */
    WAITING_FOR_ANSWER,
    /** Over, and the sink has the state. */
    DONE,
    /** Over, and the machine goes on here. */
    FAILED
  }
}
