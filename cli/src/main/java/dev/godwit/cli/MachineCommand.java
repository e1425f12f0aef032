package dev.godwit.cli;

import dev.godwit.control.ControlClient;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** A command that asks one machine's process. */
abstract class MachineCommand implements Callable<Integer> {
  @Spec CommandSpec spec;
  @Mixin CommonOptions common;

  @Parameters(index = "0", paramLabel = "NAME", description = "The machine.")
  String name;

  @Override
  public Integer call() throws Exception {
    try (ControlClient client = ControlClient.connect(Main.of(spec).directory(), name)) {
      return ask(client).code();
    }
  }

  /** Does what the command is for. */
  abstract ExitStatus ask(ControlClient client) throws Exception;

  /** Refuses a zero which a machine's process would take for its default. */
  void requireSome(String option, long value, String why) {
    if (value == 0) {
      throw new ParameterException(spec.commandLine(), option + " 0: " + why);
    }
  }

  /** Prints a line to standard output. */
  void print(String line) {
    spec.commandLine().getOut().println(line);
    spec.commandLine().getOut().flush();
  }
}
