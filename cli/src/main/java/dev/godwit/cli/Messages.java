package dev.godwit.cli;

import java.io.PrintWriter;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Sentences for the user on standard error, beside a machine's console on standard output.
 *
 * @param err standard error
 */
record Messages(PrintWriter err) {
  static Messages to(CommandSpec spec) {
    return new Messages(spec.commandLine().getErr());
  }

  void say(String sentence) {
    err.println("[" + sentence + "]");
    err.flush();
  }
}
