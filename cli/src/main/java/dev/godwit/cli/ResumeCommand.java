package dev.godwit.cli;

import dev.godwit.control.ControlClient;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code godwit resume NAME}. */
@Command(name = "resume", description = "Lets a paused machine go on.")
final class ResumeCommand extends MachineCommand {
  @Option(
      names = "--force",
      description =
          "Also a machine that waits after a handover without an answer. Only if you know that it"
              + " does not run at the destination: otherwise there would be two.")
  boolean force;

  @Override
  ExitStatus ask(ControlClient client) {
    client.resume(force);
    return ExitStatus.OK;
  }
}
