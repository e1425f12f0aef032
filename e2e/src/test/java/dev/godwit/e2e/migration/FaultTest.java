package dev.godwit.e2e.migration;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.dest.DestState;
import dev.godwit.dest.ReceiveException;
import dev.godwit.dest.Received;
import dev.godwit.dest.Receiver;
import dev.godwit.e2e.relay.Boundary.Side;
import dev.godwit.e2e.relay.Relay;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationException;
import dev.godwit.source.MigrationException.Code;
import dev.godwit.source.MigrationOptions;
import dev.godwit.source.MigrationProgress.Phase;
import dev.godwit.source.MigrationReport;
import dev.godwit.source.SourceState;
import dev.godwit.source.StateSink;
import dev.godwit.wire.PeerError;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Whatever goes wrong, there is exactly one running machine afterwards, it is whole, and both sides
 * say what happened.
 */
class FaultTest {
  private static final long RAM_BYTES = 32 * Lab.MIB;

  /** Three times what it takes to make a new connection, which is begun 50 ms after a cut. */
  private static final long CUT_EVERY_MILLIS = 150;

  /** Fast enough for later rounds, slow enough to converge. */
  private static final Load LOAD = Load.of(1024, 3000, 512);

  /** A pause so short that there are rounds, and an end to them. */
  private static final MigrationOptions OPTIONS =
      Lab.options(false)
          .withMaxDowntime(Duration.ZERO)
          .withMaxRounds(3)
          .withTimeout(Duration.ofMinutes(1), MigrationOptions.OnTimeout.STOP);

  private final Lab lab = new Lab();

  @AfterEach
  void close() throws Exception {
    lab.close();
  }

  private SyntheticMachine source() {
    return lab.source(RAM_BYTES, 1, LOAD);
  }

  private static MigrationException failed(LiveMigration migration) {
    return assertThrows(MigrationException.class, migration::run);
  }

  private void assertKept(
      SyntheticMachine source, MigrationException failure, Code code, String words)
      throws Exception {
    assertEquals(code, failure.code(), failure.getMessage());
    assertTrue(String.valueOf(failure.getMessage()).contains(words), failure.getMessage());
    lab.assertOnlyRuns(source);
  }

  private static ReceiveException receiverFailed(Receiver receiver) throws Exception {
    return assertInstanceOf(ReceiveException.class, Lab.failure(receiver));
  }

  // Refusals: nothing is sent, the destination waits on.

  @Test
  void refusesAMachineWhoseNameIsTaken() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    lab.names.add("guest");
    assertKept(
        source,
        failed(lab.migration(source, Lab.sinkTo(receiver.port()), OPTIONS)),
        Code.REFUSED,
        "a machine named guest is here already");
    lab.names.clear();
    lab.migration(source, Lab.sinkTo(receiver.port()), OPTIONS).run();
    lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
  }

  @Test
  void refusesAMachineThatNeedsMoreMemoryThanThereIs() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    lab.setAvailableBytes(RAM_BYTES);
    assertKept(
        source,
        failed(lab.migration(source, Lab.sinkTo(receiver.port()), OPTIONS)),
        Code.REFUSED,
        "needs 96 MiB of memory here, and 32 MiB are available");
    assertTrue(lab.names.isEmpty(), "the name stays reserved");
  }

  @Test
  void refusesSectionsOfANewerGodwitByName() throws Exception {
    SyntheticMachine source = lab.source(RAM_BYTES, 1, new Load(16, 1000, 0, 2, 0));
    Receiver receiver = lab.receiver();
    assertKept(
        source,
        failed(lab.migration(source, Lab.sinkTo(receiver.port()), OPTIONS)),
        Code.REFUSED,
        "section synthetic-device/dev0 has version 2; this godwit reads versions 1 to 1");
    lab.assertOthersAreGone(source);
    assertTrue(lab.names.isEmpty(), "the name stays reserved");
  }

  @Test
  void takesSectionsOfAnOlderGodwit() throws Exception {
    SyntheticMachine source = source();
    lab.setDestVersion(2);
    Receiver receiver = lab.receiver();
    lab.migration(source, Lab.sinkTo(receiver.port()), OPTIONS).run();
    lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
  }

  @Test
  void saysThatNobodyListens() throws Exception {
    SyntheticMachine source = source();
    int port;
    try (ServerSocket unused = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = unused.getLocalPort();
    }
    assertKept(
        source,
        failed(lab.migration(source, Lab.sinkTo(port), OPTIONS)),
        Code.UNREACHABLE,
        "Connection refused");
  }

  @Test
  void saysThatSomethingElseListens() throws Exception {
    SyntheticMachine source = source();
    try (ServerSocket mute = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      assertKept(
          source,
          failed(lab.migration(source, Lab.sinkTo(mute.getLocalPort()), OPTIONS)),
          Code.UNREACHABLE,
          "did not answer in time");
    }
  }

  @Test
  void refusesASecondMachineWhileOneArrives() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    MigrationException[] second = new MigrationException[1];
    StateSink sink =
        Moment.IN_THE_LAST_ROUND.hook(
            Lab.sinkTo(receiver.port()),
            () -> {
              SyntheticMachine other =
                  SyntheticMachine.create(SyntheticMachine.config("other", RAM_BYTES, 1, LOAD), 1);
              second[0] = failed(lab.migration(other, Lab.sinkTo(receiver.port()), OPTIONS));
              other.machine().close();
            });
    lab.migration(source, sink, OPTIONS).run();
    assertEquals(Code.REFUSED, second[0].code());
    assertTrue(String.valueOf(second[0].getMessage()).contains("has a machine already"));
    lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
  }

  // Faults before COMMIT: the machine goes on at the source, the destination cleans up and says
  // why.

  @ParameterizedTest
  @EnumSource(Moment.class)
  void keepsTheMachineWhenTheConnectionIsCut(Moment moment) throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    try (Relay relay = new Relay(receiver.port())) {
      LiveMigration migration =
          lab.migration(source, moment.hook(Lab.sinkTo(relay.port()), relay::cut), OPTIONS);
      if (moment == Moment.BEFORE_COMMIT) {
        // COMMIT may have been sent when the cut is noticed: then only the destination's answer
        // counts.
        keepsAskingUntilTheDestinationSaysThatItGaveUp(source, receiver, relay, migration);
        return;
      }
      MigrationException failure = failed(migration);
      assertKept(source, failure, Code.PEER_LOST, "");
      assertEquals(PeerError.Code.TIMEOUT, receiverFailed(receiver).code());
      lab.assertOthersAreGone(source);
      assertTrue(lab.names.isEmpty(), "the name stays reserved");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "AFTER_PREFLIGHT, 1",
    "IN_ROUND_0, 1",
    "IN_ROUND_0, 4",
    "IN_A_LATER_ROUND, 1",
    "IN_A_LATER_ROUND, 4",
    "IN_THE_LAST_ROUND, 1",
    "IN_THE_LAST_ROUND, 4"
  })
  void goesOnWithANewConnectionWhenOneIsCut(Moment moment, int streams) throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    try (Relay relay = new Relay(receiver.port())) {
      lab.migration(
              source,
              moment.hook(Lab.sinkTo(relay.port(), streams), relay::cutOnce),
              OPTIONS.withVerify(true))
          .run();
      lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
      assertTrue(relay.connections() > 1 + streams, "nothing was cut");
    }
  }

  @Test
  void goesOnHoweverOftenItIsCutInPreCopy() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    try (Relay relay = new Relay(receiver.port())) {
      lab.migration(
              source,
              cutAgainAndAgain(relay, Lab.sinkTo(relay.port(), 3)),
              OPTIONS.withVerify(true).withBandwidthBytesPerSecond(4 * Lab.MIB))
          .run();
      lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
      assertTrue(relay.connections() >= 12, "too few cuts: " + relay.connections());
    }
  }

  /** What was on its way when a connection broke came or did not: a difference to it is neither. */
  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void differencesAreRightHoweverOftenItIsCut(int streams) throws Exception {
    SyntheticMachine source = lab.source(RAM_BYTES, 2, Load.of(3000, 6000, 512).changing(400));
    Receiver receiver = lab.receiver();
    try (Relay relay = new Relay(receiver.port())) {
      MigrationReport report =
          lab.migration(
                  source,
                  cutAgainAndAgain(relay, Lab.sinkTo(relay.port(), streams)),
                  OPTIONS
                      .withVerify(true)
                      .withMaxRounds(12)
                      .withCompression(MigrationOptions.Compression.ON)
                      .withBandwidthBytesPerSecond(48 * Lab.MIB))
              .run();
      lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
      assertTrue(relay.connections() >= 8, "too few cuts: " + relay.connections());
      assertTrue(report.deltaPages() > 500, () -> "hardly any differences: " + report);
    }
  }

  /** From the preflight to the last round: the connection for control is not cut for good. */
  private static StateSink cutAgainAndAgain(Relay relay, StateSink sink) {
    AtomicReference<Runnable> enough = new AtomicReference<>(() -> {});
    return Moment.AFTER_PREFLIGHT.hook(
        Moment.IN_THE_LAST_ROUND.hook(sink, () -> enough.get().run()),
        () -> enough.set(cutting(relay)));
  }

  /** Cuts all connections again and again; returns what ends that, and waits for the last cut. */
  private static Runnable cutting(Relay relay) {
    Thread thread =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    while (!relay.isClosed()) {
                      Thread.sleep(CUT_EVERY_MILLIS);
                      relay.cutOnce();
                    }
                  } catch (InterruptedException e) {
                    // Enough.
                  }
                });
    return () -> {
      thread.interrupt();
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    };
  }

  private void keepsAskingUntilTheDestinationSaysThatItGaveUp(
      SyntheticMachine source, Receiver receiver, Relay relay, LiveMigration migration)
      throws Exception {
    CompletableFuture<MigrationReport> run = Lab.start(migration);
    await().until(() -> migration.progress().phase() == Phase.WAITING_FOR_ANSWER);
    long standing = source.steps();
    await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> receiver.state() instanceof DestState.Aborted);
    assertEquals(standing, source.steps(), "the source ran a machine that it did not own");
    relay.heal();
    ExecutionException thrown =
        assertThrows(ExecutionException.class, () -> run.get(20, TimeUnit.SECONDS));
    MigrationException failure = assertInstanceOf(MigrationException.class, thrown.getCause());
    assertKept(source, failure, Code.PEER_FAILED, "did not hand over within");
    lab.assertOthersAreGone(source);
  }

  @ParameterizedTest
  @EnumSource(
      value = Moment.class,
      names = {"IN_ROUND_0", "IN_A_LATER_ROUND", "IN_THE_LAST_ROUND", "BEFORE_PREPARE"})
  void noticesWithinFiveSecondsThatTheDestinationIsFrozen(Moment moment) throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    try (Relay relay = new Relay(receiver.port())) {
      long[] frozenAt = {0};
      StateSink sink =
          moment.hook(
              Lab.sinkTo(relay.port()),
              () -> {
                frozenAt[0] = System.nanoTime();
                relay.hold(Side.SOURCE);
                relay.hold(Side.DESTINATION);
              });
      MigrationException failure = failed(lab.migration(source, sink, OPTIONS));
      assertTrue(System.nanoTime() - frozenAt[0] < 5_000_000_000L, "noticed too late");
      assertKept(source, failure, Code.PEER_LOST, "");
      assertEquals(PeerError.Code.TIMEOUT, receiverFailed(receiver).code());
      lab.assertOthersAreGone(source);
    }
  }

  @ParameterizedTest
  @EnumSource(Moment.class)
  void keepsTheMachineWhenItIsCancelled(Moment moment) throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    LiveMigration[] migration = new LiveMigration[1];
    boolean[] inTime = new boolean[1];
    migration[0] =
        lab.migration(
            source,
            moment.hook(Lab.sinkTo(receiver.port()), () -> inTime[0] = migration[0].cancel()),
            OPTIONS);
    if (moment == Moment.BEFORE_COMMIT) {
      migration[0].run();
      assertFalse(inTime[0], "cancelled after COMMIT was decided");
      lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
      return;
    }
    assertKept(source, failed(migration[0]), Code.CANCELLED, "cancelled by the user");
    ReceiveException end = receiverFailed(receiver);
    assertEquals(PeerError.Code.CANCELLED, end.code(), end.getMessage());
    lab.assertOthersAreGone(source);
    assertTrue(lab.names.isEmpty(), "the name stays reserved");
  }

  @ParameterizedTest
  @EnumSource(
      value = Moment.class,
      names = {
        "AFTER_PREFLIGHT",
        "IN_ROUND_0",
        "IN_A_LATER_ROUND",
        "IN_THE_LAST_ROUND",
        "BEFORE_PREPARE"
      })
  void keepsTheMachineWhenTheDestinationGivesUp(Moment moment) throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    StateSink sink =
        moment.hook(Lab.sinkTo(receiver.port()), () -> Thread.ofVirtual().start(receiver::close));
    MigrationException failure = failed(lab.migration(source, sink, OPTIONS));
    assertTrue(
        failure.code() == Code.PEER_FAILED || failure.code() == Code.PEER_LOST,
        () -> failure.code() + ": " + failure.getMessage());
    lab.assertOnlyRuns(source);
    assertEquals(PeerError.Code.CANCELLED, receiverFailed(receiver).code());
    lab.assertOthersAreGone(source);
  }

  @Test
  void aFailedMigrationCanBeTriedAgainAndLosesNoPage() throws Exception {
    SyntheticMachine source = source();
    for (Moment moment : new Moment[] {Moment.IN_A_LATER_ROUND, Moment.IN_THE_LAST_ROUND}) {
      Receiver first = lab.receiver();
      try (Relay relay = new Relay(first.port())) {
        failed(lab.migration(source, moment.hook(Lab.sinkTo(relay.port()), relay::cut), OPTIONS));
      }
      receiverFailed(first);
    }
    Receiver second = lab.receiver();
    lab.migration(source, Lab.sinkTo(second.port()), OPTIONS.withVerify(true)).run();
    lab.assertOnlyRuns(lab.of(lab.received(second).machine()));
  }

  @Test
  void aGuestThatEndsMeanwhileEndsTheMigration() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    StateSink sink =
        Moment.IN_A_LATER_ROUND.hook(
            Lab.sinkTo(receiver.port()),
            () -> Thread.ofVirtual().start(() -> source.machine().close()));
    MigrationException failure = failed(lab.migration(source, sink, OPTIONS));
    assertEquals(Code.MACHINE, failure.code(), failure.getMessage());
    assertEquals(PeerError.Code.SOURCE_FAILED, receiverFailed(receiver).code());
    lab.assertOthersAreGone(null);
  }

  @Test
  void aGuestThatDoesNotConvergeGoesOnHere() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    MigrationOptions abort =
        OPTIONS.withTimeout(Duration.ofMinutes(1), MigrationOptions.OnTimeout.ABORT);
    MigrationException failure = failed(lab.migration(source, Lab.sinkTo(receiver.port()), abort));
    assertKept(source, failure, Code.NOT_CONVERGING, "--max-downtime");
    assertTrue(receiverFailed(receiver).toString().contains("does not converge"));
  }

  // Faults after COMMIT: only the destination's word counts.

  @Test
  void runsAtTheDestinationWhenOnlyTheAnswerToCommitIsLost() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    try (Relay relay = new Relay(receiver.port())) {
      StateSink sink =
          Moment.BEFORE_COMMIT.hook(
              Lab.sinkTo(relay.port()), () -> relay.swallow(Side.DESTINATION));
      LiveMigration migration = lab.migration(source, sink, OPTIONS);
      CompletableFuture<MigrationReport> run = Lab.start(migration);
      Received received = lab.received(receiver);
      await().until(() -> migration.progress().phase() == Phase.WAITING_FOR_ANSWER);
      lab.assertOnlyRuns(lab.of(received.machine()));
      assertFalse(migration.cancel(), "cancelled after COMMIT");
      lab.assertOnlyRuns(lab.of(received.machine()));
      relay.heal();
      run.get(20, TimeUnit.SECONDS);
      assertInstanceOf(SourceState.GivenAway.class, migration.state());
      lab.assertOnlyRuns(lab.of(received.machine()));
    }
  }

  @Test
  void commitsAgainWhenCommitItselfWasLost() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    try (Relay relay = new Relay(receiver.port())) {
      StateSink sink =
          Moment.BEFORE_COMMIT.hook(Lab.sinkTo(relay.port()), () -> relay.swallow(Side.SOURCE));
      LiveMigration migration = lab.migration(source, sink, OPTIONS);
      CompletableFuture<MigrationReport> run = Lab.start(migration);
      await().until(() -> migration.progress().phase() == Phase.WAITING_FOR_ANSWER);
      relay.heal();
      run.get(20, TimeUnit.SECONDS);
      lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
    }
  }

  @Test
  void standsAsLongAsNobodyAnswersAndObeysThePersonWhoDecides() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    try (Relay relay = new Relay(receiver.port())) {
      LiveMigration migration =
          lab.migration(
              source, Moment.BEFORE_COMMIT.hook(Lab.sinkTo(relay.port()), relay::cut), OPTIONS);
      CompletableFuture<MigrationReport> run = Lab.start(migration);
      await().until(() -> migration.progress().phase() == Phase.WAITING_FOR_ANSWER);
      receiverFailed(receiver);
      receiver.close();
      assertThrows(TimeoutException.class, () -> run.get(2, TimeUnit.SECONDS));
      long standing = source.steps();
      Thread.sleep(200);
      assertEquals(standing, source.steps(), "the source ran a machine that it did not own");
      assertTrue(migration.forceResume());
      ExecutionException thrown =
          assertThrows(ExecutionException.class, () -> run.get(10, TimeUnit.SECONDS));
      assertKept(
          source,
          assertInstanceOf(MigrationException.class, thrown.getCause()),
          Code.TAKEN_BY_FORCE,
          "by force");
      assertFalse(migration.forceStop(), "there was nothing left to decide");
    }
  }

  @Test
  void givesItUpByForceWhenAPersonKnowsThatItRunsThere() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    try (Relay relay = new Relay(receiver.port())) {
      StateSink sink =
          Moment.BEFORE_COMMIT.hook(
              Lab.sinkTo(relay.port()), () -> relay.swallow(Side.DESTINATION));
      LiveMigration migration = lab.migration(source, sink, OPTIONS);
      CompletableFuture<MigrationReport> run = Lab.start(migration);
      Received received = lab.received(receiver);
      await().until(() -> migration.progress().phase() == Phase.WAITING_FOR_ANSWER);
      relay.cut();
      assertTrue(migration.forceStop());
      run.get(20, TimeUnit.SECONDS);
      lab.assertOnlyRuns(lab.of(received.machine()));
    }
  }

  @Test
  void aSlowLinkIsNotADeadOne() throws Exception {
    SyntheticMachine source = source();
    Receiver receiver = lab.receiver();
    try (Relay relay = new Relay(receiver.port())) {
      relay.delay(20);
      relay.limit(3 * Lab.MIB);
      lab.migration(source, Lab.sinkTo(relay.port()), OPTIONS).run();
      lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
    }
  }
}
