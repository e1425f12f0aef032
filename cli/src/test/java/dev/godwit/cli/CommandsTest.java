package dev.godwit.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.godwit.control.ControlServer;
import dev.godwit.control.FakeActions;
import dev.godwit.control.RunDirectory;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The commands against a process without a machine. */
class CommandsTest {
  @TempDir Path folder;
  private final FakeActions actions = new FakeActions();
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private RunDirectory directory;
  private ControlServer server;

  @BeforeEach
  void serve() {
    directory = RunDirectory.at(folder.resolve("run"));
    server = ControlServer.start(directory, "alpha", actions);
  }

  @AfterEach
  void stop() {
    server.close();
  }

  private ExitStatus godwit(String... arguments) {
    CommandLine commandLine = Main.commandLine(() -> directory);
    commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    int code = commandLine.execute(arguments);
    for (ExitStatus status : ExitStatus.values()) {
      if (status.code() == code) {
        return status;
      }
    }
    throw new AssertionError("no exit status: " + code);
  }

  private List<JsonObject> json() {
    return out.toString()
        .lines()
        .map(line -> JsonParser.parseString(line).getAsJsonObject())
        .toList();
  }

  @Test
  void nobodyOfThatName() {
    for (String command : List.of("status", "console", "pause", "resume", "stop")) {
      assertEquals(ExitStatus.NO_SUCH_MACHINE, godwit(command, "beta"), command);
    }
    assertEquals(ExitStatus.NO_SUCH_MACHINE, godwit("migrate", "beta", "--to", "h:1"));
    assertEquals(ExitStatus.NO_SUCH_MACHINE, godwit("snapshot", "beta", "file"));
    assertTrue(err.toString().startsWith("godwit status: no machine named beta is here"));
  }

  @Test
  void whatItsStateForbidsSaysWhy() {
    assertEquals(ExitStatus.WRONG_STATE, godwit("pause", "alpha"));
    assertEquals("godwit pause: cannot pause: it has ended\n", err.toString());
  }

  @Test
  void aDefectOfTheProcessIsNoUsageError() {
    assertEquals(ExitStatus.FAILED, godwit("resume", "alpha"));
  }

  @Test
  void commandLinesThatMakeNoSenseDoNothing() {
    for (String[] arguments :
        new String[][] {
          {},
          {"migrate", "alpha"},
          {"migrate", "alpha", "--to", "good:1", "--max-downtime", "soon"},
          {"migrate", "alpha", "--to", "good:1", "--bandwidth", "much"},
          {"migrate", "alpha", "--to", "good:1", "--max-throttle", "0"},
          {"migrate", "alpha", "--to", "good:1", "--max-downtime", "0"},
          {"migrate", "alpha", "--to", "good:1", "--timeout", "0"},
          {"migrate", "alpha", "--to", "good:1", "--streams", "0"},
          {"snapshot", "alpha", "file", "--max-downtime", "0ms"},
          {"run", "alpha", "--memory", "1X"},
          {"run", "a/b"},
          {"run", "alpha", "--initrd", "there"},
          {"status"},
          {"status", "../alpha"},
          {"fly"},
        }) {
      assertEquals(ExitStatus.USAGE, godwit(arguments), String.join(" ", arguments));
    }
    assertEquals("", actions.lastOrder);
    assertEquals("", out.toString());
  }

  @Test
  void aNameInUseIsNotRunTwice() {
    assertEquals(ExitStatus.WRONG_STATE, godwit("run", "alpha", "--kernel", "/dev/null"));
    assertTrue(err.toString().contains("a machine named alpha is here already"), err.toString());
  }

  @Test
  void aMachineLargerThanTheHostIsRefusedBeforeItIsMade() {
    assertEquals(
        ExitStatus.FAILED, godwit("run", "big", "--memory", "900G", "--kernel", "/dev/null"));
    assertTrue(
        err.toString().startsWith("godwit run: machine big needs 922564 MiB of memory here, and "),
        err.toString());
    assertEquals(List.of("alpha"), directory.names());
  }

  @Test
  void statusAsJsonHasItsFields() {
    assertEquals(ExitStatus.OK, godwit("status", "alpha", "--json"));
    JsonObject status = json().getFirst();
    assertEquals("alpha", status.get("name").getAsString());
    assertEquals("running", status.get("state").getAsString());
    assertEquals(1 << 20, status.get("ramBytes").getAsLong());
    assertEquals(2, status.get("vcpus").getAsInt());
    assertEquals(42, status.get("guestNanos").getAsLong());
    assertEquals(7, status.get("dirtyPages").getAsLong());
  }

  @Test
  void listShowsThoseThatAnswer() {
    try (ControlServer other = ControlServer.start(directory, "beta", new FakeActions())) {
      assertEquals("beta", other.name());
      assertEquals(ExitStatus.OK, godwit("list", "--json"));
      assertEquals(2, json().size());
      assertEquals(ExitStatus.OK, godwit("list"));
      assertTrue(out.toString().contains("alpha"));
    }
  }

  @Test
  void stopSaysHowItEnded() {
    assertEquals(ExitStatus.OK, godwit("stop", "alpha", "--timeout", "1500ms"));
    assertEquals(ExitStatus.OK, godwit("stop", "alpha", "--force"));
    assertEquals("alpha: asked 1500\nalpha: forced 30000\n", out.toString());
  }

  @Test
  void aMigrationsResultComesLast() {
    assertEquals(ExitStatus.OK, godwit("migrate", "alpha", "--to", "good:1", "--json"));
    JsonObject result = json().getLast();
    assertEquals("result", result.get("type").getAsString());
    assertEquals("done", result.get("phase").getAsString());
    assertEquals("0xfffffffffffffffe", result.get("ramDigest").getAsString());
    assertEquals(10, result.getAsJsonObject("downtime").get("totalMicros").getAsLong());
    assertEquals(8, result.getAsJsonObject("saved").get("heldBytes").getAsLong());
    assertEquals("progress", json().getFirst().get("type").getAsString());
    assertEquals("", err.toString());
  }

  @Test
  void aMigrationTellsWhatPauseItExpectedAndWhatItSpared() {
    assertEquals(ExitStatus.OK, godwit("migrate", "alpha", "--to", "good:1"));
    assertTrue(out.toString().matches("(?s).*expected +3\\.00 ms.*"), out::toString);
    assertTrue(
        out.toString().contains("not sent: 6 B of 5 pages that changed little or not"),
        out::toString);
    assertTrue(
        out.toString().contains("not sent: 8 B of pages that were held back to the end"),
        out::toString);
  }

  @Test
  void aMigrationsOptionsArrive() {
    godwit(
        "migrate",
        "alpha",
        "--to",
        "good:1",
        "--max-downtime",
        "20ms",
        "--timeout",
        "3m",
        "--on-timeout",
        "throttle",
        "--max-throttle",
        "70",
        "--bandwidth",
        "2M",
        "--compression",
        "off",
        "--delta-cache",
        "16M",
        "--verify",
        "--streams",
        "4");
    assertEquals(
        "MigrateOrder[to=good:1, maxDowntime=PT0.02S, timeout=PT3M,"
            + " bandwidthBytesPerSecond=2097152, compression=off, verify=true,"
            + " onTimeout=throttle, maxThrottlePercent=70, streams=4, deltaCacheBytes=16777216]",
        actions.lastOrder);
  }

  @Test
  void aSnapshotsBaseArrivesAsAnAbsolutePath() {
    godwit("snapshot", "alpha", "/snapshots/today", "--base", "/snapshots/./yesterday");
    assertEquals(
        "SnapshotOrder[file=/snapshots/today, suspend=false, maxDowntime=PT0.5S,"
            + " base=Optional[/snapshots/yesterday]]",
        actions.lastOrder);
  }

  @Test
  void aFailedMigrationSaysThatTheMachineGoesOn() {
    assertEquals(ExitStatus.TRANSFER_FAILED, godwit("migrate", "alpha", "--to", "bad:1"));
    assertEquals(
        "godwit migrate: failed: nobody listens there; the machine goes on here\n", err.toString());
  }

  @Test
  void aMigrationWhoseProcessDiesIsOfUnknownOutcome() throws Exception {
    Thread.ofVirtual()
        .start(
            () -> {
              while (actions.lastOrder.isEmpty()) {
                Thread.onSpinWait();
              }
              server.close();
            });
    assertEquals(
        ExitStatus.OUTCOME_UNKNOWN, godwit("migrate", "alpha", "--to", "slow:1", "--json"));
    assertEquals("error", json().getLast().get("type").getAsString());
    assertEquals("NO_ANSWER", json().getLast().get("errorCode").getAsString());
  }

  @Test
  void aSnapshotThatDoesNotBeginSaysWhy() {
    assertEquals(ExitStatus.WRONG_STATE, godwit("snapshot", "alpha", "some/file", "--suspend"));
    assertTrue(err.toString().contains("one is in flight already"));
    assertTrue(actions.lastOrder.contains("suspend=true"));
  }

  @Test
  void aMigrationIsCancelledFromAnotherTerminal() throws Exception {
    StringWriter other = new StringWriter();
    AtomicInteger cancelled = new AtomicInteger(-1);
    Thread terminal =
        Thread.ofVirtual()
            .start(
                () -> {
                  while (actions.lastOrder.isEmpty()) {
                    Thread.onSpinWait();
                  }
                  CommandLine commandLine = Main.commandLine(() -> directory);
                  commandLine.setOut(new PrintWriter(other));
                  cancelled.set(commandLine.execute("migration", "cancel", "alpha"));
                });
    assertEquals(ExitStatus.CANCELLED, godwit("migrate", "alpha", "--to", "slow:1"));
    terminal.join();
    assertEquals(ExitStatus.OK.code(), cancelled.get());
    assertEquals("cancelled: machine alpha goes on here\n", other.toString());
  }

  @Test
  void aMachineThatWasNeverMovedHasNoMigration() {
    assertEquals(ExitStatus.WRONG_STATE, godwit("migration", "status", "alpha"));
    assertTrue(err.toString().contains("machine alpha has not been moved or saved yet"));
    assertEquals(ExitStatus.NO_SUCH_MACHINE, godwit("migration", "cancel", "beta"));
    assertEquals(ExitStatus.USAGE, godwit("migration"));
  }

  @Test
  void theLastMigrationIsTold() {
    godwit("migrate", "alpha", "--to", "good:1");
    out.getBuffer().setLength(0);
    assertEquals(ExitStatus.OK, godwit("migration", "status", "alpha"));
    assertTrue(out.toString().startsWith("migrated to good:1 in 0.1 s: 3 rounds"), out.toString());
    assertTrue(out.toString().contains("downtime"), out.toString());
    out.getBuffer().setLength(0);
    assertEquals(ExitStatus.OK, godwit("migration", "status", "alpha", "--json"));
    assertEquals("done", json().getLast().get("phase").getAsString());
  }
}
