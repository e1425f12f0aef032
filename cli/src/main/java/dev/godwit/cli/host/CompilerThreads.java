package dev.godwit.cli.host;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads of the JVM's compilers. When a process is young the optimizing one has seconds of
 * work for whole CPUs, at the very time at which its machine boots or arrives; the fast one has
 * some just when the guest stands and code is executed that seldom is. Where there are CPUs enough
 * that is what they are for; on a small host, vCPUs and migrations wait for them.
 */
public final class CompilerThreads {
  private static final Logger LOG = LoggerFactory.getLogger(CompilerThreads.class);
  private static final Path OWN_THREADS = Path.of("/proc/self/task");

  /**
   * By names, as the kernel cuts them: 15 characters. Against a thread of the usual priority on the
   * same CPU a niceness of 10 leaves a tenth of it, of 5 a quarter.
   */
  private static final Map<String, String> NICENESS =
      Map.of("C1 CompilerThre", "5", "C2 CompilerThre", "10");

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
                for (Map.Entry<String, String> compiler : NICENESS.entrySet()) {
                  renice(compiler.getKey(), compiler.getValue());
                }
              } catch (IOException | DirectoryIteratorException e) {
                LOG.debug("the compiler's threads keep their priority", e);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  private static void renice(String name, String niceness)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("renice", "-n", niceness, "-p"));
    command.addAll(threads(name));
    Process renice =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    LOG.debug("renice of the compiler's threads ended with {}", renice.waitFor());
  }

  private static List<String> threads(String name) throws IOException {
    List<String> ids = new ArrayList<>();
    try (DirectoryStream<Path> tasks = Files.newDirectoryStream(OWN_THREADS)) {
      for (Path task : tasks) {
        if (Files.readString(task.resolve("comm")).startsWith(name)) {
          ids.add(task.getFileName().toString());
        }
      }
    }
    return ids;
  }
}
