package dev.godwit.cli;

import dev.godwit.control.ControlClient;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code godwit stop NAME}. */
@Command(
    name = "stop",
    description = "Ends a machine: by its power button first, by force when that does not help.")
final class StopCommand extends MachineCommand {
  @Option(names = "--force", description = "At once, as by pulling the plug.")
  boolean force;

  @Option(
      names = "--timeout",
      paramLabel = "TIME",
      defaultValue = "30s",
      converter = TimeSpan.class,
      description =
          "How long the guest has to power off before it is ended by force; 0: for ever. Default:"
              + " ${DEFAULT-VALUE}.")
  Duration timeout;

  @Override
  ExitStatus ask(ControlClient client) {
    print(name + ": " + client.stop(force, timeout));
    return ExitStatus.OK;
  }
}
