package dev.godwit.cli;

import dev.godwit.control.ControlClient;
import dev.godwit.control.TransferEvent;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code godwit migration status|cancel NAME}: about a migration or snapshot that another terminal
 * started.
 */
@Command(
    name = "migration",
    description = "Shows or cancels a machine's migration or snapshot, whoever started it.",
    mixinStandardHelpOptions = true,
    subcommands = {MigrationCommand.Status.class, MigrationCommand.Cancel.class})
final class MigrationCommand implements Runnable {
  @Spec CommandSpec spec;

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "say what: status or cancel");
  }

  /** {@code godwit migration status NAME}. */
  @Command(name = "status", description = "Says how far it is, or how the last one ended.")
  static final class Status extends MachineCommand {
    @Option(names = "--json", description = "As one JSON object.")
    boolean json;

    @Override
    ExitStatus ask(ControlClient client) {
      TransferEvent transfer = client.status().transfer();
      if (transfer == null) {
        throw new CliException(
            ExitStatus.WRONG_STATE, "machine " + name + " has not been moved or saved yet");
      }
      if (json) {
        print(Json.line(Json.object(transfer)));
        return ExitStatus.OK;
      }
      print(TransferText.line(transfer));
      TransferEvent.Downtime downtime = transfer.downtime();
      if (downtime != null) {
        TransferText.downtime(downtime).forEach(this::print);
        TransferText.accounts(transfer).forEach(this::print);
      }
      return ExitStatus.OK;
    }
  }

  /** {@code godwit migration cancel NAME}. */
  @Command(
      name = "cancel",
      description = {
        "Cancels it: the machine goes on here.",
        "Once the machine is being handed over it is too late."
      })
  static final class Cancel extends MachineCommand {
    @Override
    ExitStatus ask(ControlClient client) {
      if (!client.cancelTransfer()) {
        throw new CliException(
            ExitStatus.WRONG_STATE,
            "nothing of machine "
                + name
                + " can be cancelled: no migration or snapshot is under way, or it is being handed"
                + " over; 'godwit migration status "
                + name
                + "' tells which");
      }
      print("cancelled: machine " + name + " goes on here");
      return ExitStatus.OK;
    }
  }
}
