package dev.godwit.e2e.migration;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.dest.Receiver;
import dev.godwit.dest.StartMark;
import dev.godwit.e2e.bench.OwnJvm;
import dev.godwit.e2e.migration.MarkedDestination.Stand;
import dev.godwit.e2e.relay.Boundary.Side;
import dev.godwit.e2e.relay.Relay;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationException;
import dev.godwit.source.MigrationException.Code;
import dev.godwit.source.MigrationProgress.Phase;
import dev.godwit.source.MigrationReport;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * COMMIT has come, and the destination dies: the source takes its machine back by itself if it is
 * certain that it never ran there, and only then.
 */
class TakeBackTest {
  @TempDir Path folder;

  private final Lab lab = new Lab();
  private final SyntheticMachine source = lab.source(32 * Lab.MIB, 1, Load.of(1024, 2000, 512));
  private final List<Process> processes = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (Process process : processes) {
      process.destroyForcibly().waitFor();
    }
    lab.close();
  }

  private Path run() {
    return folder.resolve("run");
  }

  /**
   * A {@link MarkedDestination} that listens.
   *
   * @param said what it says from then on
   */
  private record Destination(int port, BufferedReader said) {}

  private Destination start(int port, Stand stand) throws IOException {
    Process process =
        new ProcessBuilder(
                OwnJvm.command(
                    List.of(),
                    MarkedDestination.class,
                    run().toString(),
                    Integer.toString(port),
                    stand.name()))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    processes.add(process);
    BufferedReader said = process.inputReader();
    return new Destination(Integer.parseInt(said.readLine()), said);
  }

  /** Another one takes the place of one that has ended. */
  private void startAt(Destination ended) throws IOException {
    start(ended.port(), Stand.NOWHERE);
  }

  private void killLast() throws InterruptedException {
    processes.getLast().destroyForcibly().waitFor();
  }

  private static MigrationException failure(CompletableFuture<MigrationReport> run) {
    ExecutionException thrown =
        assertThrows(ExecutionException.class, () -> run.get(20, TimeUnit.SECONDS));
    return assertInstanceOf(MigrationException.class, thrown.getCause());
  }

  private List<String> marks() throws IOException {
    try (Stream<Path> files = Files.list(run())) {
      return files
          .map(file -> String.valueOf(file.getFileName()))
          .filter(name -> !name.equals(".lock"))
          .toList();
    }
  }

  private void assertTakenBack(CompletableFuture<MigrationReport> run) throws Exception {
    MigrationException failure = failure(run);
    assertEquals(Code.PEER_LOST, failure.code(), failure.getMessage());
    assertTrue(
        String.valueOf(failure.getMessage()).contains("died before it started it"),
        failure.getMessage());
    lab.assertOnlyRuns(source);
    await().until(() -> marks().isEmpty());
  }

  @Test
  void takesTheMachineBackFromADestinationThatWasKilledBeforeItStartedIt() throws Exception {
    Destination destination = start(0, Stand.BEFORE_THE_MARK_IS_GONE);
    LiveMigration migration =
        lab.migration(source, Lab.sinkTo(destination.port()), Lab.options(true));
    CompletableFuture<MigrationReport> run = Lab.start(migration);
    assertEquals("stands", destination.said().readLine());
    assertEquals(1, marks().size());
    killLast();
    await().until(() -> migration.progress().phase() == Phase.WAITING_FOR_ANSWER);
    startAt(destination);
    assertTakenBack(run);
  }

  /** The vCPUs may have gone: nobody can tell from here, and a person must. */
  @Test
  void waitsForAPersonWhenTheDestinationWasKilledAfterItsMarkWasGone() throws Exception {
    Destination destination = start(0, Stand.AFTER_THE_MARK_IS_GONE);
    LiveMigration migration =
        lab.migration(source, Lab.sinkTo(destination.port()), Lab.options(false));
    CompletableFuture<MigrationReport> run = Lab.start(migration);
    assertEquals("stands", destination.said().readLine());
    assertEquals(List.of(), marks());
    killLast();
    startAt(destination);
    assertWaitsForAPerson(run, migration);
  }

  /** It ran there, and nobody heard so: what is here is older than what others have seen. */
  @Test
  void waitsForAPersonWhenTheDestinationRanTheMachineAndWasKilledUnheard() throws Exception {
    Destination destination = start(0, Stand.NOWHERE);
    try (Relay relay = new Relay(destination.port())) {
      LiveMigration migration =
          lab.migration(
              source,
              Moment.BEFORE_COMMIT.hook(
                  Lab.sinkTo(relay.port()), () -> relay.swallow(Side.DESTINATION)),
              Lab.options(false));
      CompletableFuture<MigrationReport> run = Lab.start(migration);
      assertEquals("runs", destination.said().readLine());
      killLast();
      startAt(destination);
      relay.heal();
      assertWaitsForAPerson(run, migration);
    }
  }

  private void assertWaitsForAPerson(
      CompletableFuture<MigrationReport> run, LiveMigration migration) throws Exception {
    assertThrows(TimeoutException.class, () -> run.get(3, TimeUnit.SECONDS));
    assertEquals(Phase.WAITING_FOR_ANSWER, migration.progress().phase());
    long standing = source.steps();
    Thread.sleep(200);
    assertEquals(standing, source.steps(), "the source ran a machine that it did not own");
    assertTrue(migration.forceResume());
    assertEquals(Code.TAKEN_BY_FORCE, failure(run).code());
  }

  /** It gave up, said so for a while to nobody who could hear it, and ended. */
  @Test
  void takesTheMachineBackFromADestinationThatGaveUpUnheard() throws Exception {
    Destination destination = start(0, Stand.NOWHERE);
    try (Relay relay = new Relay(destination.port())) {
      CompletableFuture<MigrationReport> run =
          Lab.start(
              lab.migration(
                  source,
                  Moment.BEFORE_COMMIT.hook(Lab.sinkTo(relay.port()), relay::cut),
                  Lab.options(false)));
      assertEquals("gave up", destination.said().readLine());
      processes.getLast().waitFor();
      startAt(destination);
      relay.heal();
      assertTakenBack(run);
    }
  }

  @Test
  void aDestinationThatCannotTakeItsMarkAwayDoesNotStart() throws Exception {
    lab.setMark(
        new StartMark() {
          @Override
          public void remove() {
            throw new IllegalStateException("no permission");
          }

          @Override
          public void abandon() {}
        });
    Receiver receiver = lab.receiver();
    MigrationException failure =
        failure(Lab.start(lab.migration(source, Lab.sinkTo(receiver.port()), Lab.options(false))));
    assertEquals(Code.PEER_FAILED, failure.code(), failure.getMessage());
    assertTrue(
        String.valueOf(failure.getMessage()).contains("could not be started"),
        failure.getMessage());
    lab.assertOnlyRuns(source);
    lab.assertOthersAreGone(source);
  }
}
