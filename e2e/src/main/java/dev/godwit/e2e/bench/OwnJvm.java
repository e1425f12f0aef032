package dev.godwit.e2e.bench;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;

/** Starts a class of this program in a JVM like this one. */
public final class OwnJvm {
  private OwnJvm() {}

  /**
   * Returns the command line.
   *
   * @param options beside those that this JVM was started with
   * @param arguments for the class's main method
   */
  public static List<String> command(List<String> options, Class<?> main, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElse("java"));
    command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
    command.addAll(options);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
    command.addAll(List.of(arguments));
    return command;
  }
}
