package dev.godwit.guest;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Runs a program of the host to its end and keeps what it said. */
final class HostCommand {
  /** Long enough for a package index over a slow line; a program that takes longer hangs. */
  private static final Duration TIMEOUT = Duration.ofMinutes(10);

  private HostCommand() {}

  /**
   * What a program said.
   *
   * @param status its exit status
   * @param output its standard output
   * @param error its standard error
   */
  record Result(int status, String output, String error) {
    boolean ok() {
      return status == 0;
    }

    /** The last lines of what it complained about, for an error message. */
    String complaint() {
      List<String> lines = (error.isBlank() ? output : error).strip().lines().toList();
      return String.join("; ", lines.subList(Math.max(0, lines.size() - 4), lines.size()));
    }
  }

  /** Says whether a program is on the PATH. */
  static boolean exists(String program) {
    String path = System.getenv().getOrDefault("PATH", "/usr/bin:/bin");
    for (String folder : path.split(File.pathSeparator, -1)) {
      if (!folder.isEmpty() && Files.isExecutable(Path.of(folder, program))) {
        return true;
      }
    }
    return false;
  }

  /** Refuses, with advice, to go on without a program. */
  static void require(String program, String advice) {
    if (!exists(program)) {
      throw new GuestException(
          GuestException.Code.TOOL_MISSING, "'" + program + "' is not on this machine: " + advice);
    }
  }

  /**
   * Runs a program and waits for its end.
   *
   * @param folder its working folder
   * @param command the program and its arguments
   */
  static Result run(Path folder, List<String> command) {
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().put("LC_ALL", "C");
    builder.environment().put("DEBIAN_FRONTEND", "noninteractive");
    try {
      Process process = builder.start();
      process.getOutputStream().close();
      CompletableFuture<String> error = readAside(process.getErrorStream());
      CompletableFuture<String> output = readAside(process.getInputStream());
      if (!process.waitFor(TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new GuestException(
            GuestException.Code.DOWNLOAD_FAILED,
            "'"
                + String.join(" ", command)
                + "' did not end within "
                + TIMEOUT.toMinutes()
                + " minutes");
      }
      return new Result(process.exitValue(), output.join(), error.join());
    } catch (IOException e) {
      throw new GuestException(
          GuestException.Code.TOOL_MISSING,
          "cannot run '" + command.getFirst() + "': " + e.getMessage(),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new GuestException(
          GuestException.Code.DOWNLOAD_FAILED,
          "interrupted while running '" + command.getFirst() + "'",
          e);
    }
  }

  /**
   * A thread for each stream: a shared pool of one thread would read one while the program fills
   * the other.
   */
  private static CompletableFuture<String> readAside(InputStream stream) {
    return CompletableFuture.supplyAsync(
        () -> readAll(stream),
        reader -> Thread.ofPlatform().daemon().name("host-command-reader").start(reader));
  }

  private static String readAll(InputStream stream) {
    try (stream) {
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
