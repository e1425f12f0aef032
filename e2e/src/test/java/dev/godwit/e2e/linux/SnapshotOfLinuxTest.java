package dev.godwit.e2e.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** A stock Linux under load goes into files and comes back; all tests share one machine. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(OrderAnnotation.class)
class SnapshotOfLinuxTest {
  private static final String NAME = "sleeper";

  /** How often it is suspended; {@code -Dgodwit.e2e=full} does it ten times. */
  private static final int TIMES = "full".equals(System.getProperty("godwit.e2e")) ? 10 : 2;

  /** How long it is gone, at least: far more than two beats are apart on a busy host. */
  private static final Duration AWAY = Duration.ofSeconds(4);

  private static final Pattern BEAT =
      Pattern.compile("HB (\\d+) boot=\\S+ up=(\\d+) rt=(\\d+)(?=\\D)");

  @TempDir Path folder;
  private Host host;
  private RunningLinux linux;

  @BeforeAll
  void boot() throws Exception {
    host = new Host("snapshots");
    linux = RunningLinux.boot(host, NAME);
  }

  @AfterAll
  void end() throws Exception {
    linux.close();
    host.close();
  }

  private String file() {
    return folder.resolve(NAME).toString();
  }

  @Test
  @Order(1)
  void aLiveSnapshotRunsBesideTheMachineItWasTakenOf() throws Exception {
    Host.Done saved = host.run("snapshot", NAME, file());
    assertEquals(0, saved.status(), saved.err());
    linux.assertGoesOn();
    assertEquals(0, host.run("inspect", file()).status());
    try (RunningLinux copy = RunningLinux.restored(host, "copy", file())) {
      copy.assertGoesOn();
      copy.assertShellAnswers();
      linux.assertGoesOn();
      linux.assertShellAnswers();
      assertEquals(List.of("copy", NAME), host.machines());
      assertEquals(0, copy.stop().status());
    }
    linux.assertGoesOn();
  }

  @Test
  @Order(2)
  void theLastOfAChainOfSnapshotsIsTheWholeMachine() throws Exception {
    long full = pagesSaved("full");
    long increments = 0;
    String base = "full";
    for (String name : List.of("first", "second")) {
      linux.assertGoesOn(); // the load changes what the next one has to have
      increments += pagesSaved(name, "--base", folder.resolve(base).toString());
      base = name;
    }
    assertTrue(
        increments < full, "two increments have %d pages, the base %d".formatted(increments, full));
    linux.assertGoesOn();
    try (RunningLinux copy =
        RunningLinux.restored(host, "latest", folder.resolve(base).toString())) {
      copy.assertGoesOn();
      copy.assertShellAnswers();
      assertEquals(0, copy.stop().status());
    }
    linux.assertGoesOn();
  }

  /**
   * Takes a snapshot while the guest runs; returns how many pages are in it, zero ones included.
   */
  private long pagesSaved(String name, String... options) throws Exception {
    List<String> arguments =
        new ArrayList<>(List.of("snapshot", NAME, folder.resolve(name).toString(), "--json"));
    arguments.addAll(List.of(options));
    Host.Done saved = host.run(arguments.toArray(String[]::new));
    assertEquals(0, saved.status(), saved.out() + saved.err());
    return Host.jsonLines(saved.out())
        .reduce((a, b) -> b)
        .orElseThrow()
        .get("pagesSent")
        .getAsLong();
  }

  @Test
  @Order(3)
  void suspendedAndRestoredAgainAndAgainItNoticesNothing() throws Exception {
    for (int i = 0; i < TIMES; i++) {
      suspend();
      int before = linux.transcript().beats().size();
      Thread.sleep(AWAY);
      linux.restoreHere(file());
      linux.assertGoesOn();
      linux.assertShellAnswers();
      Gap gap = gap(before);
      assertTrue(
          gap.upNanos() < AWAY.toNanos() && gap.realNanos() < AWAY.toNanos(),
          "it noticed that it was away: " + gap);
    }
  }

  @Test
  @Order(4)
  void timeCatchesUpOnRequest() throws Exception {
    suspend();
    int before = linux.transcript().beats().size();
    Thread.sleep(AWAY);
    linux.restoreHere(file(), "--catch-up");
    linux.assertGoesOn();
    linux.assertShellAnswers();
    Gap gap = gap(before);
    assertTrue(
        gap.upNanos() >= AWAY.toNanos() && gap.realNanos() >= AWAY.toNanos(),
        "it did not catch up: " + gap);
    assertEquals(0, linux.stop().status());
    assertEquals(List.of(), host.leftovers());
  }

  private void suspend() throws Exception {
    Host.Done suspended = host.run("snapshot", NAME, file(), "--suspend");
    assertEquals(0, suspended.status(), suspended.err());
    Host.Done end = linux.process().awaitEnd();
    assertEquals(0, end.status(), end.err());
    assertTrue(end.err().contains("suspended to " + file()), end.err());
    assertEquals(List.of(), host.leftovers());
    assertTrue(Files.exists(Path.of(file())));
    linux.transcript().awaitClosed();
  }

  /** What the guest's clocks did between two beats. */
  private record Gap(long upNanos, long realNanos) {}

  /**
   * Returns the longest gap of each clock around the end of so many beats. The line of the next
   * beat may be half sent by then, its clocks read before: so it is a gap or two later.
   */
  private Gap gap(int before) {
    List<BigInteger[]> clocks =
        BEAT.matcher(linux.transcript().text()).results().map(SnapshotOfLinuxTest::clocks).toList();
    long up = Long.MIN_VALUE;
    long real = Long.MIN_VALUE;
    for (int i = before; i < before + 4; i++) {
      long upStep = clocks.get(i)[0].subtract(clocks.get(i - 1)[0]).longValueExact();
      long realStep = clocks.get(i)[1].subtract(clocks.get(i - 1)[1]).longValueExact();
      assertTrue(upStep > 0 && realStep > 0, "time went back: " + upStep + ", " + realStep);
      up = Math.max(up, upStep);
      real = Math.max(real, realStep);
    }
    return new Gap(up, real);
  }

  private static BigInteger[] clocks(MatchResult beat) {
    return new BigInteger[] {new BigInteger(beat.group(2)), new BigInteger(beat.group(3))};
  }
}
