package dev.godwit.e2e.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonObject;
import dev.godwit.control.MachineStatus;
import dev.godwit.e2e.relay.Boundary;
import dev.godwit.e2e.relay.Boundary.Side;
import dev.godwit.e2e.relay.Pump;
import dev.godwit.e2e.relay.Relay;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer.OrderAnnotation;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Everything goes wrong with the migration of one stock Linux under load, one fault after the
 * other: each leaves exactly one running machine, its heartbeats going on and its working set
 * intact, and tells its user what happened.
 *
 * <p>All tests share the machine, for it must survive them all; those in which it has to die take
 * copies from a snapshot of it.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(OrderAnnotation.class)
class FaultsOfLinuxTest {
  private static final String NAME = "linux";
  private static final String STAYS = "; the machine goes on here";

  /** Generous: what is asserted here is what faults do, on however busy a machine. */
  private static final String PAUSE = "--max-downtime=2s";

  /** To be caught in the middle: the guest dirties 16 MB/s, so each round is long. */
  private static final String[] SLOWLY = {
    "--bandwidth=20M", "--compression=off", "--max-downtime=100ms"
  };

  private static final Boundary COMMIT = Boundary.request("Commit");

  private final List<Relay> relays = new ArrayList<>();
  private Host left;
  private Host right;
  private RunningLinux linux;
  private Path snapshot;

  @BeforeAll
  void boot() throws Exception {
    left = new Host("faults-left");
    right = new Host("faults-right");
    linux = RunningLinux.boot(left, NAME);
    snapshot = Files.createTempDirectory("godwit-faults").resolve("linux");
    Host.Done saved = left.run("snapshot", NAME, snapshot.toString());
    assertEquals(0, saved.status(), saved.err());
  }

  @AfterAll
  void end() throws Exception {
    linux.close();
    left.close();
    right.close();
    for (String suffix : List.of("", ".kern", ".meta")) {
      Files.deleteIfExists(snapshot.resolveSibling(snapshot.getFileName() + suffix));
    }
    Files.deleteIfExists(snapshot.getParent());
  }

  /** What one test leaves behind must not make the next one fail. */
  @AfterEach
  void endAllButTheMachine() throws Exception {
    for (Relay relay : relays) {
      relay.close();
    }
    relays.clear();
    left.endAllBut(linux.process());
    right.endAllBut(linux.process());
  }

  private Host here() {
    return linux.host();
  }

  private Host there() {
    return linux.host() == left ? right : left;
  }

  private Relay relayTo(Host.Started receiver) throws Exception {
    String address = Host.address(receiver);
    Relay relay = new Relay(Integer.parseInt(address.substring(address.lastIndexOf(':') + 1)));
    relays.add(relay);
    return relay;
  }

  private static String address(Relay relay) {
    return "127.0.0.1:" + relay.port();
  }

  private Host.Started startMigrating(String name, String to, String... options) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("migrate", name, "--to", to, "--json"));
    arguments.addAll(Arrays.asList(options));
    return here().start(arguments.toArray(String[]::new));
  }

  /** Waits until a migration says that it is where it should be. */
  private static void awaitProgress(Host.Started migrating, Predicate<JsonObject> where)
      throws Exception {
    migrating.awaitOut(out -> Host.jsonLines(out).anyMatch(where), "that progress");
  }

  /** A moment in the pre-copy. */
  enum Round {
    FIRST,
    LATER;

    /** Waits for it. */
    void await(Host.Started migrating) throws Exception {
      awaitProgress(
          migrating,
          progress ->
              "precopy".equals(progress.get("phase").getAsString())
                  && progress.get("pagesSent").getAsLong() > 0
                  && progress.get("round").getAsInt() > 0 == (this == LATER));
    }
  }

  /** The migration failed, says why, and the machine goes on where it was. */
  private void assertKept(Host.Started migrating, String errorCodes, String... words)
      throws Exception {
    Host.Done done = migrating.awaitEnd();
    JsonObject result = Host.jsonLines(done.out()).toList().getLast();
    String all = result + done.err();
    assertEquals(errorCodes.equals("CANCELLED") ? 6 : 5, done.status(), all);
    assertTrue(result.get("errorCode").getAsString().matches(errorCodes), all);
    for (String word : words) {
      assertTrue(done.err().contains(word), "no '" + word + "' in: " + all);
    }
    assertTrue(done.err().strip().endsWith(STAYS), all);
    linux.assertGoesOn();
  }

  /** The destination has noticed, cleaned up, and ended with an error that says why. */
  private static void assertCleanedUp(Host host, Host.Started receiver, String why)
      throws Exception {
    Host.Done end = receiver.awaitEnd();
    assertEquals(5, end.status(), end.out() + end.err());
    assertTrue(end.err().contains(why), end.err());
    assertEquals(List.of(), host.leftovers());
  }

  private void assertNothingThere() {
    assertEquals(List.of(), there().leftovers());
  }

  // Refused or unreachable: nothing was sent.

  @Test
  @Order(1)
  void nobodyListensAtThePort() throws Exception {
    int port;
    try (ServerSocket unused = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = unused.getLocalPort();
    }
    assertKept(
        startMigrating(NAME, "127.0.0.1:" + port),
        "UNREACHABLE",
        "127.0.0.1:" + port + " cannot be reached: ",
        "Connection refused");
  }

  @Test
  @Order(2)
  void aMachineOfThatNameRunsThere() throws Exception {
    try (RunningLinux other = RunningLinux.restored(there(), NAME, snapshot.toString())) {
      Host.Started receiver = there().receive();
      assertKept(
          startMigrating(NAME, Host.address(receiver), PAUSE),
          "REFUSED",
          "refuses: a machine named linux is here already");
      assertTrue(receiver.process().isAlive(), "it waits for another machine");
      other.assertGoesOn();
      other.stop();
      endWaiting(receiver);
    }
    assertNothingThere();
  }

  private void endWaiting(Host.Started receiver) throws Exception {
    String address = Host.address(receiver);
    String waiting = "receive-" + address.substring(address.lastIndexOf(':') + 1);
    Host.Done stopped = there().run("stop", waiting);
    assertEquals(0, stopped.status(), stopped.err());
    assertEquals(0, receiver.awaitEnd().status(), receiver.err());
  }

  /** The kernel's word on what is available is another one for the destination's process only. */
  @Test
  @Order(3)
  void thereIsNotEnoughMemoryThere() throws Exception {
    Path memInfo = Files.createTempFile("godwit", "meminfo");
    Files.writeString(
        memInfo, "MemTotal: 4194304 kB\nMemFree: 204800 kB\nMemAvailable: 204800 kB\n");
    assumeTrue(
        there().startCommand(List.of("unshare", "-rm", "true")).awaitEnd().status() == 0,
        "this host gives nobody a mount namespace; FaultTest has this fault with another machine");
    List<String> command =
        new ArrayList<>(
            List.of(
                "unshare",
                "-rm",
                "sh",
                "-c",
                "mount --bind \"$1\" /proc/meminfo && shift && exec \"$@\"",
                "sh",
                memInfo.toString()));
    command.addAll(Host.program(List.of(), List.of("receive", "--listen", "127.0.0.1:0")));
    Host.Started receiver = there().startCommand(command);
    receiver.awaitOut("listening on ");
    assertKept(
        startMigrating(NAME, Host.address(receiver), PAUSE),
        "REFUSED",
        "refuses: machine linux needs 256 MiB of memory here, and 200 MiB are available");
    endWaiting(receiver);
    assertNothingThere();
    Files.delete(memInfo);
  }

  // The destination is killed.

  @ParameterizedTest
  @EnumSource
  @Order(11)
  void theDestinationIsKilledInARound(Round round) throws Exception {
    Host.Started receiver = there().receive();
    Host.Started migrating = startMigrating(NAME, Host.address(receiver), SLOWLY);
    round.await(migrating);
    receiver.kill();
    assertKept(migrating, "PEER_LOST", Host.address(receiver));
    assertNothingThere();
  }

  /** It is complete there, and its PREPARED is on the way: the last moment before COMMIT. */
  @Test
  @Order(13)
  void theDestinationIsKilledJustBeforeCommit() throws Exception {
    Path log = Files.createTempFile("godwit", "receiver.log");
    Host.Started receiver = there().receive("--log-file", log.toString());
    Relay relay = relayTo(receiver);
    relay.before(Boundary.reply(Boundary.FINISH), Pump::stand);
    Host.Started migrating = startMigrating(NAME, address(relay), PAUSE);
    Awaitility.await()
        .atMost(60, TimeUnit.SECONDS)
        .until(() -> Files.readString(log).contains("-> Prepared"));
    receiver.kill();
    assertKept(migrating, "PEER_LOST", address(relay));
    assertNothingThere();
    Files.delete(log);
  }

  // The connection is cut, and nobody gets through any more.

  @Test
  @Order(21)
  void theConnectionIsCutInThePreflight() throws Exception {
    Host.Started receiver = there().receive();
    Relay relay = relayTo(receiver);
    relay.before(Boundary.request("Preflight"), pump -> relay.cut());
    // Whether the call or the heartbeat beside it notices first is chance.
    assertKept(
        startMigrating(NAME, address(relay), PAUSE), "UNREACHABLE|PEER_LOST", address(relay));
    endWaiting(receiver);
    assertNothingThere();
  }

  @ParameterizedTest
  @EnumSource
  @Order(22)
  void theConnectionIsCutInARound(Round round) throws Exception {
    Host.Started receiver = there().receive();
    Relay relay = relayTo(receiver);
    Host.Started migrating = startMigrating(NAME, address(relay), SLOWLY);
    round.await(migrating);
    relay.cut();
    assertKept(migrating, "PEER_LOST", address(relay));
    assertCleanedUp(there(), receiver, "it died or the connection broke");
  }

  @Test
  @Order(24)
  void theConnectionIsCutWhileTheMachineStands() throws Exception {
    Host.Started receiver = there().receive();
    Relay relay = relayTo(receiver);
    relay.before(Boundary.FIRST_SECTION, pump -> relay.cut());
    assertKept(startMigrating(NAME, address(relay), PAUSE), "PEER_LOST", address(relay));
    assertCleanedUp(there(), receiver, "it died or the connection broke");
  }

  @Test
  @Order(31)
  void ctrlCCancels() throws Exception {
    Host.Started receiver = there().receive();
    List<String> command =
        // Whoever starts the tests in the background may have them ignore SIGINT.
        new ArrayList<>(List.of("env", "--default-signal=INT"));
    List<String> arguments =
        new ArrayList<>(List.of("migrate", NAME, "--to", Host.address(receiver), "--json"));
    arguments.addAll(Arrays.asList(SLOWLY));
    command.addAll(Host.program(List.of(), arguments));
    Host.Started migrating = here().startCommand(command);
    Round.FIRST.await(migrating);
    migrating.interrupt();
    assertKept(migrating, "CANCELLED", "cancelled by the user");
    assertCleanedUp(there(), receiver, "cancelled");
  }

  // The source dies with its machine, as without a migration; the destination cleans up.

  @Test
  @Order(41)
  void theSourceIsKilledBeforeCommit() throws Exception {
    try (RunningLinux early = RunningLinux.restored(here(), "early", snapshot.toString());
        RunningLinux late = RunningLinux.restored(here(), "late", snapshot.toString())) {
      Host.Started forEarly = there().receive();
      Host.Started forLate = there().receive();
      Relay relay = relayTo(forLate);
      relay.before(
          COMMIT,
          pump -> {
            relay.swallow(Side.SOURCE);
            late.process().kill();
          });
      Host.Started lateMigrating = startMigrating("late", address(relay), PAUSE);
      Host.Started earlyMigrating = startMigrating("early", Host.address(forEarly), SLOWLY);
      Round.FIRST.await(earlyMigrating);
      early.process().kill();
      for (Host.Started migrating : List.of(earlyMigrating, lateMigrating)) {
        Host.Done done = migrating.awaitEnd();
        assertEquals(7, done.status(), done.out() + done.err());
        assertTrue(done.err().contains("nobody here knows how it ended"), done.err());
      }
      Host.Done end = forEarly.awaitEnd();
      assertEquals(5, end.status(), end.err());
      assertTrue(end.err().contains("it died or the connection broke"), end.err());
      assertCleanedUp(there(), forLate, "did not hand over within");
    }
    linux.assertGoesOn();
    assertEquals(List.of(NAME), here().machines());
  }

  // From COMMIT on, only the destination's word counts.

  @Test
  @Order(51)
  void commitIsLostAndSentAgain() throws Exception {
    Host.Started receiver = there().receive();
    Relay relay = relayTo(receiver);
    relay.before(COMMIT, pump -> relay.cutOnce());
    Host.Started migrating = startMigrating(NAME, address(relay), PAUSE);
    assertMoved(migrating, receiver);
  }

  @Test
  @Order(52)
  void theAnswerToCommitIsLostAndAskedFor() throws Exception {
    Host.Started receiver = there().receive();
    Relay relay = relayTo(receiver);
    relay.before(COMMIT, pump -> relay.swallow(Side.DESTINATION));
    Host.Started migrating = startMigrating(NAME, address(relay), PAUSE);
    awaitProgress(migrating, p -> "waiting".equals(p.get("phase").getAsString()));
    assertEquals(MachineStatus.State.WAITING, linux.status().state());
    relay.heal();
    assertMoved(migrating, receiver);
  }

  private void assertMoved(Host.Started migrating, Host.Started receiver) throws Exception {
    Host.Done done = migrating.awaitEnd();
    assertEquals(0, done.status(), done.out() + done.err());
    Host from = here();
    linux.goesOnIn(there(), receiver);
    assertEquals(List.of(), from.leftovers());
    linux.assertGoesOn();
  }

  /** Whoever heard COMMIT is dead; another receiver on its host knows that it started nothing. */
  @Test
  @Order(53)
  void theDestinationDiesWithCommitAndItsHostProvesThatNothingWasStarted() throws Exception {
    Host.Started receiver = there().receive();
    String address = Host.address(receiver);
    Relay relay = relayTo(receiver);
    relay.before(COMMIT, pump -> receiver.kill());
    Host.Started migrating = startMigrating(NAME, address(relay), PAUSE);
    awaitProgress(migrating, p -> "waiting".equals(p.get("phase").getAsString()));
    Host.Started next = there().receiveAt(address);
    assertKept(migrating, "PEER_LOST", "died before it started it");
    assertTrue(next.process().isAlive(), "it waits for another machine");
    endWaiting(next);
    assertNothingThere();
  }

  /** COMMIT was sent, and whoever may have heard it is dead: a person must say so. */
  @Test
  @Order(54)
  void theDestinationDiesWithCommitAndAPersonDecides() throws Exception {
    Host.Started receiver = there().receive();
    Relay relay = relayTo(receiver);
    relay.before(COMMIT, pump -> receiver.kill());
    Host.Started migrating = startMigrating(NAME, address(relay), PAUSE);
    awaitProgress(migrating, p -> "waiting".equals(p.get("phase").getAsString()));
    String status = here().run("status", NAME).out();
    assertTrue(status.contains("waiting"), status);
    for (String said : List.of(status, migrating.err())) {
      assertTrue(said.contains("'godwit resume --force linux'"), said);
      assertTrue(said.contains("'godwit stop --force linux'"), said);
    }
    Host.Done refused = here().run("resume", NAME);
    assertEquals(4, refused.status(), refused.err());
    Host.Done forced = here().run("resume", "--force", NAME);
    assertEquals(0, forced.status(), forced.err());
    assertKept(migrating, "TAKEN_BY_FORCE", "by force");
    assertNothingThere();
  }

  /** What a fault may have left behind would show in the next migration. */
  @Test
  @Order(61)
  void afterAllOfThemItMovesAsIfNothingHadHappened() throws Exception {
    Host.Started receiver = there().receive();
    Host.Started migrating = startMigrating(NAME, Host.address(receiver), PAUSE, "--verify");
    assertMoved(migrating, receiver);
    linux.assertShellAnswers();
    linux.transcript().awaitPasses(2, linux.transcript().position());
    linux.transcript().assertWhole();
    Host.Done stopped = here().run("stop", NAME, "--timeout", "2m");
    assertEquals("linux: the guest powered off\n", stopped.out(), stopped.err());
    assertEquals(0, linux.process().awaitEnd().status());
    assertEquals(List.of(), left.leftovers());
    assertEquals(List.of(), right.leftovers());
  }
}
