package dev.godwit.cli.host;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads of the JVM's optimizing compiler. When a process is young they have seconds of work
 * for whole CPUs, at the very time at which its machine boots or arrives. Where there are CPUs
 * enough that is what they are for; on a small host, vCPUs and migrations wait for them.
 */
public final class CompilerThreads {
  private static final Logger LOG = LoggerFactory.getLogger(CompilerThreads.class);
  private static final Path OWN_THREADS = Path.of("/proc/self/task");

  /** As the kernel cuts it: 15 characters. */
  private static final String NAME = "C2 CompilerThre";

  /** Against a thread of the usual priority on the same CPU they get a tenth of it. */
  private static final String NICENESS = "10";

  private CompilerThreads() {}

  /**
   * Gives the compiler's threads less of the CPU than all others get, from a moment later on. By
   * {@code renice(1)}: where there is none, or no Linux, everything stays as it is.
   */
  public static void letOthersFirst() {
    Thread.ofVirtual()
        .name("compiler-priority")
        .start(
            () -> {
              try {
                List<String> command = new ArrayList<>(List.of("renice", "-n", NICENESS, "-p"));
                command.addAll(threads());
                Process renice =
                    new ProcessBuilder(command)
                        .redirectErrorStream(true)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .start();
                LOG.debug("renice of the compiler's threads ended with {}", renice.waitFor());
              } catch (IOException | DirectoryIteratorException e) {
                LOG.debug("the compiler's threads keep their priority", e);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  private static List<String> threads() throws IOException {
    List<String> ids = new ArrayList<>();
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(OWN_THREADS)) {
      for (Path task : tasks) {
        if (Files.readString(task.resolve("comm")).startsWith(NAME)) {
          ids.add(task.getFileName().toString());
        }
      }
    }
    return ids;
  }
}
