package dev.godwit.cli.terminal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Which of the standard streams are terminals. */
public final class Terminals {
  private static final int STDIN = 0;
  private static final int STDOUT = 1;
  private static final int STDERR = 2;

  private Terminals() {}

  /** Says whether a person types into standard input. */
  public static boolean isInput() {
    return isTerminal(STDIN);
  }

  /** Says whether a person sees standard output. */
  public static boolean isOutput() {
    return isTerminal(STDOUT);
  }

  /** Says whether a person sees standard error. */
  public static boolean isError() {
    return isTerminal(STDERR);
  }

  /** proc(5): the link of a descriptor names its file; those of terminals are well known. */
  private static boolean isTerminal(int descriptor) {
    try {
      String file = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return file.startsWith("/dev/pts/")
          || file.startsWith("/dev/tty")
          || file.equals("/dev/console");
    } catch (IOException e) {
      return false;
    }
  }
}
