package dev.godwit.cli.demo;

import dev.godwit.control.TransferEvent;
import java.util.List;

/**
 * What a demonstration showed.
 *
 * @param bootSeconds from the start of the process to the guest's first shell
 * @param migration the migration's end
 * @param heartbeats those of both processes together
 * @param beatsBefore how many came from the source
 * @param beatsAfter how many came from the destination
 * @param checks what had to hold
 */
public record DemoReport(
    double bootSeconds,
    TransferEvent migration,
    Heartbeats.Verdict heartbeats,
    long beatsBefore,
    long beatsAfter,
    List<Check> checks) {
  /** Copies the list. */
  public DemoReport {
    checks = List.copyOf(checks);
  }

  /**
   * Something that had to hold.
   *
   * @param claim what
   * @param held whether it did
   */
  public record Check(String claim, boolean held) {}

  /** Says whether everything held. */
  public boolean allHeld() {
    return checks.stream().allMatch(Check::held);
  }
}
