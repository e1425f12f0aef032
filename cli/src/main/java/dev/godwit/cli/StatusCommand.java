package dev.godwit.cli;

import dev.godwit.control.ControlClient;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.TransferEvent;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code godwit status NAME}. */
@Command(name = "status", description = "Says how a machine is.")
final class StatusCommand extends MachineCommand {
  private static final long NANOS_PER_SECOND = 1_000_000_000L;

  @Option(names = "--json", description = "As one JSON object.")
  boolean json;

  @Override
  ExitStatus ask(ControlClient client) {
    MachineStatus status = client.status();
    if (json) {
      print(Json.line(status));
      return ExitStatus.OK;
    }
    field("name", status.name());
    field("state", status.state().text());
    if (!status.detail().isEmpty()) {
      field("", status.detail());
    }
    field("process", Long.toString(status.pid()));
    if (!status.listen().isEmpty()) {
      field("listens on", status.listen());
    }
    if (status.ramBytes() > 0) {
      field("engine", status.engine());
      field("memory", ByteSize.text(status.ramBytes()));
      field("vcpus", status.vcpus() + ", " + status.cpuModel());
      field("up", upTime(status.guestNanos()) + " of guest time");
      field("dirty", status.dirtyPages() + " pages since the last harvest");
    }
    TransferEvent transfer = status.transfer();
    if (transfer != null) {
      field(
          transfer.kind() == TransferEvent.Kind.MIGRATE ? "migration" : "snapshot",
          TransferText.line(transfer));
    }
    field("version", status.version());
    return ExitStatus.OK;
  }

  private void field(String label, String value) {
    print(String.format(Locale.ROOT, "%-11s %s", label, value));
  }

  /** Returns guest time for people: {@code 1:02:03}. */
  static String upTime(long nanos) {
    long seconds = nanos / NANOS_PER_SECOND;
    return String.format(
        Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  }
}
