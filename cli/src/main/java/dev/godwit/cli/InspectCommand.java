package dev.godwit.cli;

import dev.godwit.snapshot.file.Inspection;
import dev.godwit.snapshot.file.Inspector;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code godwit inspect FILE}. */
@Command(
    name = "inspect",
    description = {
      "Shows what a snapshot holds, of whatever version and whatever devices, and what is wrong"
          + " with it.",
      "It ends with 9 if anything is."
    })
final class InspectCommand implements Callable<Integer> {
  @Spec CommandSpec spec;
  @Mixin CommonOptions common;

  @Parameters(paramLabel = "FILE", description = "The snapshot: any of its three files.")
  Path file;

  @Option(names = "--no-verify", description = "Do not read all of FILE.")
  boolean noVerify;

  @Option(names = "--json", description = "One JSON object.")
  boolean json;

  @Override
  public Integer call() {
    Inspection inspection = Inspector.inspect(file.toAbsolutePath().normalize(), !noVerify);
    spec.commandLine().getOut().print(json ? inspection.toJson() : inspection.toText());
    spec.commandLine().getOut().flush();
    return (inspection.isWhole() ? ExitStatus.OK : ExitStatus.BAD_SNAPSHOT).code();
  }
}
