package dev.godwit.cli.demo;

import dev.godwit.cli.host.OwnProgram;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** This program in a process of its own, which ends with the demonstration. */
final class ChildMachine implements AutoCloseable {
  private static final long END_SECONDS = 10;

  private final Process process;
  private final CompletableFuture<String> firstLine = new CompletableFuture<>();
  private final StringBuilder complaints = new StringBuilder();

  /**
   * Starts it.
   *
   * @param runDirectory where its control socket is to be
   */
  ChildMachine(Path runDirectory, List<String> arguments) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(OwnProgram.command(arguments));
    builder.environment().put("GODWIT_RUN_DIR", runDirectory.toString());
    process = builder.redirectInput(Path.of("/dev/null").toFile()).start();
    Thread.ofVirtual().start(this::readOutput);
    Thread.ofVirtual().start(this::readComplaints);
  }

  private void readOutput() {
    try (BufferedReader lines = process.inputReader(StandardCharsets.ISO_8859_1)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        firstLine.complete(line);
      }
    } catch (IOException e) {
      // It has ended.
    }
    firstLine.complete("");
  }

  private void readComplaints() {
    try (BufferedReader lines = process.errorReader(StandardCharsets.UTF_8)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        synchronized (complaints) {
          complaints.append(line).append('\n');
        }
      }
    } catch (IOException e) {
      // It has ended.
    }
  }

  /** Completes with the first line that it prints; empty if it ends before. */
  CompletableFuture<String> firstLine() {
    return firstLine;
  }

  /** Returns what it has written to standard error. */
  String complaints() {
    synchronized (complaints) {
      return complaints.toString().strip();
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  long pid() {
    return process.pid();
  }

  /** Waits for its end; returns its exit status, or -1 if it does not end. */
  int awaitEnd() throws InterruptedException {
    return process.waitFor(END_SECONDS, TimeUnit.SECONDS) ? process.exitValue() : -1;
  }

  /** Ends it, and returns when it has ended. Idempotent. */
  @Override
  public void close() {
    process.destroy();
    try {
      if (!process.waitFor(2, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
