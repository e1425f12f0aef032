package dev.godwit.cli;

import dev.godwit.control.ControlClient;
import picocli.CommandLine.Command;

/** {@code godwit pause NAME}. */
@Command(name = "pause", description = "Stops a machine's CPUs and its time.")
final class PauseCommand extends MachineCommand {
  @Override
  ExitStatus ask(ControlClient client) {
    client.pause();
    return ExitStatus.OK;
  }
}
