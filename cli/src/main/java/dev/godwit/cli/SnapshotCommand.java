package dev.godwit.cli;

import dev.godwit.control.ControlClient;
import dev.godwit.control.SnapshotOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code godwit snapshot NAME FILE}. */
@Command(
    name = "snapshot",
    description = {
      "Writes a machine's whole state to FILE, FILE.kern and FILE.meta, while it runs.",
      "Ctrl-C cancels: the machine goes on, an older snapshot of that name stays."
    })
final class SnapshotCommand extends MachineCommand {
  @Parameters(index = "1", paramLabel = "FILE", description = "The RAM file.")
  Path file;

  @Option(
      names = "--base",
      paramLabel = "FILE",
      description =
          "Write only what changed since that snapshot was taken, or restored: the new one needs"
              + " it from then on. Only of the last one, and in the same process.")
  @Nullable Path base;

  @Option(names = "--suspend", description = "End the machine when the snapshot is durable.")
  boolean suspend;

  @Option(
      names = "--max-downtime",
      paramLabel = "TIME",
      defaultValue = "500ms",
      converter = TimeSpan.class,
      description = "The pause that is allowed. Default: ${DEFAULT-VALUE}.")
  Duration maxDowntime;

  @Option(names = "--json", description = "One JSON object a line: progress, the result last.")
  boolean json;

  @Override
  ExitStatus ask(ControlClient client) {
    requireSome("--max-downtime", maxDowntime.toMillis(), "nothing is saved without a pause");
    SnapshotOrder order =
        new SnapshotOrder(
            file.toAbsolutePath().normalize(),
            suspend,
            maxDowntime,
            Optional.ofNullable(base).map(path -> path.toAbsolutePath().normalize()));
    return new TransferWatch(spec, client, name, json)
        .follow(progress -> client.snapshot(order, progress));
  }
}
