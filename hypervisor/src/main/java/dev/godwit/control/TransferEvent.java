package dev.godwit.control;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How far a migration or snapshot is, or how it ended.
 *
 * @param kind which of them
 * @param target {@code host:port} or file
 * @param phase what happens
 * @param round the current round, 0 being the first pass over all pages
 * @param pagesSent pages sent in all rounds
 * @param zeroPages how many of them were zero
 * @param bytesSent bytes of page content, after compression
 * @param remainingPages pages still to be sent
 * @param bytesPerSecond bytes of page content a second, lately
 * @param dirtyPagesPerSecond how fast the guest dirties pages
 * @param throttlePercent share of the time in which the vCPUs are made to stand, so that the guest
 *     converges
 * @param expectedDowntimeMillis the pause if the machine were stopped now
 * @param elapsedMillis time since the beginning
 * @param downtime the pause; null as long as there was none
 * @param errorCode why it failed or was cancelled, for programs; else empty
 * @param error the same for people: why, at which end, what it means for the machine; else empty.
 *     In {@link Phase#WAITING}: why there is no answer
 * @param ramDigest the digest of RAM under the lock; 0 if it was not taken
 * @param saved what the policy has spared so far; null before anything is sent
 */
public record TransferEvent(
    Kind kind,
    String target,
    Phase phase,
    int round,
    long pagesSent,
    long zeroPages,
    long bytesSent,
    long remainingPages,
    double bytesPerSecond,
    double dirtyPagesPerSecond,
    int throttlePercent,
    double expectedDowntimeMillis,
    double elapsedMillis,
    @Nullable Downtime downtime,
    String errorCode,
    String error,
    long ramDigest,
    @Nullable Saved saved) {

  /** What is being done. */
  public enum Kind {
    /** To another host. */
    MIGRATE,
    /** To files. */
    SNAPSHOT;

    /** Returns the name that people and programs see. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }

    static Kind of(String text) {
      return text.equals(SNAPSHOT.text()) ? SNAPSHOT : MIGRATE;
    }
  }

  /** The phases, in their order. */
  public enum Phase {
    /** Reaching the destination. */
    CONNECTING("connecting"),
    /** Asking whether it can take the machine. */
    PREFLIGHT("preflight"),
    /** Sending pages while the guest runs. */
    PRECOPY("precopy"),
    /** The guest stands still. */
    STOP_AND_COPY("stop-and-copy"),
    /** The destination has been told to take the machine. */
    COMMIT("commit"),
    /** The answer to that got lost. */
    WAITING("waiting"),
    /** Over: the target has the state. */
    DONE("done"),
    /** Over: the machine is where it was. */
    FAILED("failed"),
    /** Over: the user did not want it any more, and the machine is where it was. */
    CANCELLED("cancelled"),
    /** Something that this version does not know. */
    UNKNOWN("unknown");

    private final String text;

    Phase(String text) {
      this.text = text;
    }

    /** Returns the name that people and programs see. */
    public String text() {
      return text;
    }

    /** Says whether nothing follows. */
    public boolean isLast() {
      return this == DONE || this == FAILED || this == CANCELLED;
    }

    static Phase of(String text) {
      for (Phase phase : values()) {
        if (phase.text.equals(text.toLowerCase(Locale.ROOT))) {
          return phase;
        }
      }
      return UNKNOWN;
    }
  }

  /**
   * The pause by part, in microseconds.
   *
   * @param totalMicros all of it
   * @param lockMicros until all vCPUs stood
   * @param lastPagesMicros the last pages, digest included
   * @param devicesMicros saving, sending and restoring devices and CPUs
   * @param commitMicros until the machine ran again
   */
  public record Downtime(
      long totalMicros,
      long lockMicros,
      long lastPagesMicros,
      long devicesMicros,
      long commitMicros) {}

  /**
   * What was not sent.
   *
   * @param deltaPages pages sent as differences, unchanged ones included
   * @param deltaBytes how many bytes less those were
   * @param heldPages how many times a page was held back that would have been sent only to be sent
   *     again
   * @param heldBytes how many bytes those are
   */
  public record Saved(long deltaPages, long deltaBytes, long heldPages, long heldBytes) {}

  /** Returns the beginning of a transfer. */
  public static TransferEvent beginning(Kind kind, String target) {
    return new TransferEvent(
        kind, target, Phase.CONNECTING, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, null, "", "", 0, null);
  }

  /** Returns this as the end of a transfer that failed or was cancelled. */
  public TransferEvent ended(Phase how, String code, String why) {
    return new TransferEvent(
        kind,
        target,
        how,
        round,
        pagesSent,
        zeroPages,
        bytesSent,
        remainingPages,
        bytesPerSecond,
        dirtyPagesPerSecond,
        throttlePercent,
        expectedDowntimeMillis,
        elapsedMillis,
        downtime,
        code,
        why,
        ramDigest,
        saved);
  }
}
