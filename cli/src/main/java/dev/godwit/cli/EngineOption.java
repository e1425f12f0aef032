package dev.godwit.cli;

import picocli.CommandLine.Option;

/** Which engine executes the guest's code. */
final class EngineOption {
  @Option(
      names = "--engine",
      paramLabel = "NAME",
      defaultValue = "soft",
      description =
          "What executes the guest's code: soft, a CPU in pure Java. Default: ${DEFAULT-VALUE}.")
  String engine;
}
