package dev.godwit.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** What every command takes. */
@Command(mixinStandardHelpOptions = true)
final class CommonOptions {
  @Option(names = "--debug", description = "Show where an error came from; log more.")
  boolean debug;

  @Option(
      names = "--log-file",
      paramLabel = "FILE",
      description = "Append the log to a file instead of standard error.")
  @Nullable Path logFile;

  /** Returns the options as arguments for another process. */
  List<String> forwarded() {
    List<String> arguments = new ArrayList<>();
    if (debug) {
      arguments.add("--debug");
    }
    if (logFile != null) {
      arguments.addAll(List.of("--log-file", logFile.toAbsolutePath().toString()));
    }
    return arguments;
  }
}
