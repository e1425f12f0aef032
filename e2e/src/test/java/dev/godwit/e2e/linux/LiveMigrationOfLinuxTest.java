package dev.godwit.e2e.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.godwit.control.ControlClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A stock kernel under load moves between processes; the guest itself says whether it was whole.
 */
class LiveMigrationOfLinuxTest {
  private static final String NAME = "linux";

  /** Generous: what is asserted here is that nothing is lost, on however busy a machine. */
  private static final String PAUSE = "--max-downtime=2s";

  /** 32 MiB. */
  private static final int TOUCHED_PAGES = 8192;

  /** There and back again; {@code -Dgodwit.e2e=full} does ten of each. */
  private static final int ROUND_TRIPS = "full".equals(System.getProperty("godwit.e2e")) ? 10 : 2;

  @Test
  void stockLinuxMovesBackAndForthWithItsWorkingSetIntact() throws Exception {
    GuestTranscript transcript = new GuestTranscript();
    try (Host left = new Host("left");
        Host right = new Host("right")) {
      Host.Started process = left.start(Guest.bootArguments(NAME).toArray(String[]::new));
      Host here = left;
      Host there = right;
      ControlClient client = here.connect(NAME);
      transcript.follow(client, true);
      transcript.await("GODWIT-GUEST READY", 0);
      transcript.awaitPasses(1, 0);
      for (int hop = 0; hop < 2 * ROUND_TRIPS; hop++) {
        Host.Started receiver = there.receive();
        JsonObject result = migrate(here, Host.address(receiver));
        assertEquals("done", result.get("phase").getAsString(), result.toString());
        assertTrue(result.has("ramDigest"), result.toString());
        assertEquals(0, process.awaitEnd().status());
        transcript.awaitClosed();
        client.close();
        int arrival = transcript.position();
        client = there.connect(NAME);
        transcript.follow(client, true);
        transcript.awaitBeats(5, arrival);
        transcript.awaitPasses(1, arrival);
        assertEquals(List.of(), here.leftovers());
        process = receiver;
        Host away = here;
        here = there;
        there = away;
      }
      assertEquals(0, here.run("stop", NAME, "--force").status());
      client.close();
      transcript.assertWhole();
      assertEquals(List.of(), here.leftovers());
    }
  }

  /** Migrates with digests compared; returns the last line of {@code --json}. */
  private static JsonObject migrate(Host here, String to) throws Exception {
    Host.Done done = here.run("migrate", PAUSE, "--to", to, "--verify", "--json", NAME);
    assertEquals(0, done.status(), done.out() + done.err());
    return lastLine(done.out());
  }

  private static JsonObject lastLine(String out) {
    return JsonParser.parseString(out.strip().lines().toList().getLast()).getAsJsonObject();
  }

  /**
   * Rewrites parts of pages faster than they could be sent whole: on such a link that only comes to
   * an end by differences.
   */
  @Test
  void aGuestThatRewritesPartsOfItsPagesGoesAsDifferences() throws Exception {
    try (Host left = new Host("differs");
        Host right = new Host("applies");
        RunningLinux linux = RunningLinux.boot(left, NAME, Guest.bootArguments(NAME, "4,100"))) {
      String pass = "WS pass=\\d+ pages=" + TOUCHED_PAGES + " mismatches=0";
      linux.ask(
          "godwit-guest workset --mib %d --pages-per-sec 4000 --touch 64 --report-ms 500 &"
              .formatted(TOUCHED_PAGES >> 8),
          pass);
      Host.Started receiver = right.receive();
      Host.Done done =
          left.run(
              "migrate",
              "--to",
              Host.address(receiver),
              "--max-downtime=300ms",
              "--bandwidth=12M",
              "--streams=2",
              "--timeout=40s",
              "--on-timeout=stop",
              "--verify",
              "--json",
              NAME);
      assertEquals(0, done.status(), done.out() + done.err());
      JsonObject saved = lastLine(done.out()).getAsJsonObject("saved");
      assertTrue(saved.get("deltaPages").getAsLong() > TOUCHED_PAGES / 2, done.out());
      assertTrue(
          saved.get("deltaBytes").getAsLong() > 3000 * saved.get("deltaPages").getAsLong(),
          done.out());
      linux.goesOnIn(right, receiver);
      int arrival = linux.transcript().position();
      linux.transcript().await("(?s)(" + pass + ".*?){3}", arrival);
      linux.assertGoesOn();
      linux.stop();
    }
  }

  /** The proof that the tests above can fail, and that {@code --verify} notices what it is for. */
  @Test
  void aMigrationThatForgetsDirtyPagesIsCaught() throws Exception {
    GuestTranscript transcript = new GuestTranscript();
    try (Host left = new Host("forgetful");
        Host right = new Host("victim")) {
      left.startCommand(
          Host.program(
              List.of("-Dgodwit.test.dirtyTracking=off"), Guest.bootArguments(NAME, "64")));
      try (ControlClient client = left.connect(NAME)) {
        transcript.follow(client, true);
        transcript.awaitPasses(1, 0);
        Host.Started receiver = right.receive();
        Host.Done refused =
            left.run("migrate", PAUSE, "--to", Host.address(receiver), "--verify", "--json", NAME);
        assertEquals(5, refused.status(), refused.out() + refused.err());
        assertTrue((refused.out() + refused.err()).contains("digest"), refused.out());
        transcript.awaitBeats(3, transcript.position());
        Host.Started second = right.receive();
        Host.Done done = left.run("migrate", PAUSE, "--to", Host.address(second), NAME);
        assertEquals(0, done.status(), done.out() + done.err());
        transcript.awaitClosed();
      }
      try (ControlClient client = right.connect(NAME)) {
        transcript.follow(client, true);
        transcript.awaitRuin();
      }
    }
  }

  @Test
  void theDestinationWritesNoFile() throws Exception {
    GuestTranscript transcript = new GuestTranscript();
    try (Host left = new Host("traced-source");
        Host right = new Host("traced-destination")) {
      left.start(Guest.bootArguments(NAME).toArray(String[]::new));
      try (ControlClient client = left.connect(NAME)) {
        transcript.follow(client, true);
        transcript.await("GODWIT-GUEST READY", 0);
        Path trace = Path.of("target", "e2e", "destination.strace").toAbsolutePath();
        Host.Started receiver =
            right.startCommand(
                FileTrace.command(
                    trace, Host.program(List.of(), List.of("receive", "--listen", "127.0.0.1:0"))));
        receiver.awaitOut("listening on ");
        Host.Done done = left.run("migrate", PAUSE, "--to", Host.address(receiver), NAME);
        assertEquals(0, done.status(), done.out() + done.err());
        transcript.awaitClosed();
        int arrival = transcript.position();
        try (ControlClient there = right.connect(NAME)) {
          transcript.follow(there, true);
          transcript.awaitBeats(3, arrival);
          there.stop(true, java.time.Duration.ZERO);
        }
        receiver.awaitEnd();
        assertEquals(
            List.of(),
            FileTrace.written(trace, right.runDirectory()),
            "regular files that were written");
        assertTrue(FileTrace.opened(trace) > 10, "the trace saw nothing: it proves nothing");
      }
    }
  }

  /** The proof that the trace sees a file of state when one is written. */
  @Test
  void theTraceSeesWhatASnapshotWrites() throws Exception {
    Path file = Path.of("target", "e2e", "traced.txt").toAbsolutePath();
    Path trace = Path.of("target", "e2e", "writer.strace").toAbsolutePath();
    List<String> writer = new ArrayList<>(List.of("cp", "/etc/hostname", file.toString()));
    Process process =
        new ProcessBuilder(FileTrace.command(trace, writer))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertEquals(0, process.waitFor());
    assertEquals(List.of(file.toString()), FileTrace.written(trace, Path.of("/nowhere")));
  }

  /** Control sockets are renamed within their folder; what is renamed out of it is no socket. */
  @Test
  void theTraceSeesWhatIsRenamedOutOfTheHarmlessFolder() throws Exception {
    Path folder = Files.createTempDirectory("godwit-renamed");
    Path other = Path.of("target", "e2e", "renamed.txt").toAbsolutePath();
    Path trace = Path.of("target", "e2e", "rename.strace").toAbsolutePath();
    Files.createFile(folder.resolve("a"));
    assertEquals(List.of(), renamed(trace, folder, folder.resolve("a"), folder.resolve("b")));
    List<String> seen = renamed(trace, folder, folder.resolve("b"), other);
    assertEquals(1, seen.size(), seen.toString());
    assertTrue(seen.getFirst().contains(other.toString()), seen.toString());
    Files.delete(other);
    Files.delete(folder);
  }

  private static List<String> renamed(Path trace, Path harmless, Path from, Path to)
      throws Exception {
    Process process =
        new ProcessBuilder(FileTrace.command(trace, List.of("mv", from.toString(), to.toString())))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    assertEquals(0, process.waitFor());
    return FileTrace.written(trace, harmless);
  }
}
