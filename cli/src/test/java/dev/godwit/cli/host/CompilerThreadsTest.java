package dev.godwit.cli.host;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class CompilerThreadsTest {
  /** In what follows the name in proc_pid_stat(5). */
  private static final int NICENESS = 16;

  @Test
  void theCompilersLetOthersFirst() throws Exception {
    assertFalse(nicenessOf("C1").isEmpty(), "this JVM has no fast compiler");
    assertFalse(nicenessOf("C2").isEmpty(), "this JVM has no optimizing compiler");
    CompilerThreads.letOthersFirst();
    await()
        .atMost(Duration.ofSeconds(20))
        .until(
            () ->
                nicenessOf("C1").stream().allMatch("5"::equals)
                    && nicenessOf("C2").stream().allMatch("10"::equals));
  }

  private static List<String> nicenessOf(String compiler) throws IOException {
    List<String> found = new ArrayList<>();
    try (Stream<Path> tasks = Files.list(Path.of("/proc/self/task"))) {
      for (Path task : tasks.toList()) {
        String stat = Files.readString(task.resolve("stat"));
        if (stat.contains("(" + compiler + " CompilerThre")) {
          found.add(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[NICENESS]);
        }
      }
    }
    return found;
  }
}
