package dev.godwit.cli.host;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** This program, to be started once more. */
public final class OwnProgram {
  private static final String MAIN = "dev.godwit.cli.Main";

  private OwnProgram() {}

  /** Returns how to start this program as this process was started, with other arguments. */
  public static List<String> command(List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>();
    // proc(5): the arguments of this process, each ended by a NUL.
    String own = Files.readString(Path.of("/proc/self/cmdline"), StandardCharsets.UTF_8);
    for (String part : own.split("\0", -1)) {
      command.add(part);
      if (part.equals(MAIN)) {
        command.addAll(arguments);
        return command;
      }
    }
    command.clear(); // not started by the launcher: a test
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(List.of("-cp", System.getProperty("java.class.path", ""), MAIN));
    command.addAll(arguments);
    return command;
  }
}
