package dev.godwit.cli;

import dev.godwit.cli.host.OwnProgram;
import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.RunDirectory;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Starts this program once more, in the background, and waits until it answers. */
final class DetachedProcess {
  /** How long a machine's process may take until its control socket answers. */
  private static final Duration START = Duration.ofSeconds(60);

  private static final long POLL_MILLIS = 20;

  private DetachedProcess() {}

  /**
   * Starts a process and returns when it answers under its name.
   *
   * @param name the name it is going to have
   * @param arguments its command line
   * @param ready says whether what it answers means that it has started
   * @return its status
   * @throws CliException if it ended instead, with what it said and its exit status
   */
  static MachineStatus start(
      RunDirectory directory, String name, List<String> arguments, Predicate<MachineStatus> ready)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    if (Files.isExecutable(Path.of("/usr/bin/setsid"))) {
      command.add("/usr/bin/setsid"); // so that a Ctrl-C or a closed terminal does not end it
    }
    command.addAll(OwnProgram.command(arguments));
    Process process =
        new ProcessBuilder(command)
            .redirectInput(new File("/dev/null"))
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    boolean started = false;
    try {
      CompletableFuture<String> complaint = readAll(process.getErrorStream());
      long deadline = System.nanoTime() + START.toNanos();
      while (System.nanoTime() < deadline) {
        if (!process.isAlive()) {
          throw ended(process.exitValue(), complaint.join());
        }
        MachineStatus status = ask(directory, name, process.pid());
        if (status != null && ready.test(status)) {
          started = true;
          return status;
        }
        Thread.sleep(POLL_MILLIS);
      }
      throw new CliException(
          ExitStatus.FAILED,
          "the process of machine " + name + " did not answer within " + START.toSeconds() + " s");
    } finally {
      if (!started) {
        process.destroyForcibly();
      }
    }
  }

  private static @Nullable MachineStatus ask(RunDirectory directory, String name, long pid) {
    if (!Files.exists(directory.socket(name))) {
      return null;
    }
    try (ControlClient client = ControlClient.connect(directory, name)) {
      MachineStatus status = client.status();
      return status.pid() == pid ? status : null;
    } catch (ControlException e) {
      return null; // not yet
    }
  }

  private static CliException ended(int exitCode, String complaint) {
    ExitStatus status = ExitStatus.FAILED;
    for (ExitStatus candidate : ExitStatus.values()) {
      if (candidate.code() == exitCode && candidate != ExitStatus.OK) {
        status = candidate;
      }
    }
    String first = complaint.lines().findFirst().orElse("");
    // The line begins with the name of the command, as this one's is going to.
    int colon = first.indexOf(": ");
    String reason =
        first.isEmpty()
            ? "the machine's process ended with status " + exitCode
            : first.startsWith("godwit ") && colon > 0 ? first.substring(colon + 2) : first;
    return new CliException(status, reason);
  }

  private static CompletableFuture<String> readAll(InputStream stream) {
    CompletableFuture<String> text = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                text.complete(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
              } catch (IOException e) {
                text.complete("");
              }
            });
    return text;
  }
}
