package dev.godwit.e2e.snapshot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What does not fit is refused by name; the machine goes on, nothing is left behind and the older
 * snapshot is whole. {@link FullDiskProbe} checks it.
 */
class FullDiskTest {
  private static final long LIMIT_SECONDS = 50;

  @TempDir Path folder;

  /** A file system of its own, as large as it needs to be full in the middle of RAM. */
  @Test
  void aFullDiskIsNamedAndTheMachineGoesOn() throws Exception {
    assumeTrue(
        run(List.of("unshare", "-rm", "true")).status == 0,
        "this host gives nobody a mount namespace; the limit of a file's size is tested all the"
            + " same");
    assertHeld(
        run(
            probe(
                "unshare",
                "-rm",
                "sh",
                "-c",
                "mount -t tmpfs -o size=20m none \"$1\" && folder=$1 && shift && exec \"$@\""
                    + " \"$folder\"",
                "sh",
                folder.toString())),
        "No space left on device");
  }

  /** The limit of a file's size: works on every host. */
  @Test
  void aFileThatMayNotGrowIsNamedAndTheMachineGoesOn() throws Exception {
    List<String> command = probe();
    command.addAll(List.of(folder.toString(), "20000000"));
    assertHeld(run(command), "File too large");
  }

  private static void assertHeld(Outcome outcome, String reason) {
    assertTrue(outcome.text.endsWith("held\n"), outcome.text);
    assertTrue(outcome.text.contains(reason), outcome.text);
    assertEquals(0, outcome.status);
  }

  private static List<String> probe(String... wrapper) {
    List<String> command = new ArrayList<>(List.of(wrapper));
    command.addAll(
        List.of(
            ProcessHandle.current().info().command().orElse("java"),
            "--enable-native-access=ALL-UNNAMED",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xmx256m",
            "-XX:-UsePerfData",
            "-cp",
            System.getProperty("java.class.path"),
            FullDiskProbe.class.getName()));
    return command;
  }

  private record Outcome(int status, String text) {}

  private static Outcome run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    Thread killer =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
                      process.destroyForcibly();
                    }
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                });
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int status = process.waitFor();
    killer.interrupt();
    return new Outcome(status, text);
  }
}
