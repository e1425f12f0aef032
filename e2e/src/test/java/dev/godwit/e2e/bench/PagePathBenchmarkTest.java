package dev.godwit.e2e.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The command works; what it measures is not judged here. */
@Timeout(120)
class PagePathBenchmarkTest {
  /** Its machine has nothing but RAM: no device, no section. */
  @Test
  void movesRamBetweenTwoProcessesBesideASocket() throws Exception {
    List<String> command =
        OwnJvm.command(
            List.of(), PagePathBenchmark.class, "--mib", "64", "--rounds", "1", "--warm-up", "0");
    Process benchmark = new ProcessBuilder(command).redirectErrorStream(true).start();
    try {
      String said = new String(benchmark.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(0, benchmark.waitFor(), said);
      assertTrue(said.contains("median"), said);
    } finally {
      benchmark.destroyForcibly();
    }
  }
}
