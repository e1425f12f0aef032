package dev.godwit.control;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How a machine's process is.
 *
 * @param name its name
 * @param state what it does
 * @param detail a sentence about it, or empty
 * @param pid the process
 * @param engine what executes the guest's code; empty while there is no machine
 * @param ramBytes the machine's memory
 * @param vcpus the machine's CPUs
 * @param cpuModel what they look like to the guest
 * @param guestNanos guest nanoseconds since power-on
 * @param dirtyPages pages that were written to since the last harvest
 * @param transfer the migration or snapshot in flight, or the last one's end; null if there was
 *     none
 * @param listen where a receiving process listens, or empty
 * @param version the program's version
 */
public record MachineStatus(
    String name,
    State state,
    String detail,
    long pid,
    String engine,
    long ramBytes,
    int vcpus,
    String cpuModel,
    long guestNanos,
    long dirtyPages,
    @Nullable TransferEvent transfer,
    String listen,
    String version) {

  /** What the process does. */
  public enum State {
    /** The machine has been built and not run. */
    CREATED,
    /** The guest executes. */
    RUNNING,
    /** Its user paused it. */
    PAUSED,
    /** It has ended; the process is about to. */
    STOPPED,
    /**
     * It was handed over and nobody knows whether the destination runs it: it stands still, whole.
     */
    WAITING,
    /** There is no machine yet: one is to arrive. */
    RECEIVING,
    /** Something that this version does not know. */
    UNKNOWN;

    /** Returns the name that people and programs see. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }

    static State of(String text) {
      for (State state : values()) {
        if (state.text().equals(text)) {
          return state;
        }
      }
      return UNKNOWN;
    }
  }
}
