package dev.godwit.cli.terminal;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The terminal at standard input in raw mode: every key goes through as it is, Ctrl-C included.
 * Closing gives it back as it was, and so does the end of the JVM, whatever ends it short of
 * SIGKILL.
 */
public final class RawMode implements AutoCloseable {
  private final String saved;
  private final AtomicBoolean open = new AtomicBoolean(true);
  private final Thread atExit = new Thread(this::restore, "restore-terminal");

  private RawMode(String saved) {
    this.saved = saved;
  }

  /**
   * Switches the terminal.
   *
   * @throws IOException if that cannot be done: stty(1) is missing
   */
  public static RawMode enter() throws IOException {
    RawMode mode = new RawMode(stty("-g").strip());
    Runtime.getRuntime().addShutdownHook(mode.atExit);
    stty("raw", "-echo");
    return mode;
  }

  @Override
  public void close() {
    restore();
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException e) {
      // The JVM is ending: the hook finds that nothing is left to do.
    }
  }

  private void restore() {
    if (open.getAndSet(false)) {
      try {
        stty(saved);
      } catch (IOException e) {
        System.err.println("godwit: the terminal could not be restored; type: stty sane");
      }
    }
  }

  private static String stty(String... arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of("stty"));
    command.addAll(List.of(arguments));
    Process process =
        new ProcessBuilder(command)
            .redirectInput(ProcessBuilder.Redirect.INHERIT)
            .redirectErrorStream(true)
            .start();
    try {
      String output =
          new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      if (!process.waitFor(5, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IOException("stty " + String.join(" ", arguments) + ": " + output.strip());
      }
      return output;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      process.destroyForcibly();
    }
  }
}
