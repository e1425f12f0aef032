package dev.godwit.e2e.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.dest.ReceiveException;
import dev.godwit.dest.Receiver;
import dev.godwit.e2e.bench.OwnJvm;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.source.MigrationException;
import dev.godwit.source.MigrationException.Code;
import dev.godwit.source.MigrationOptions;
import dev.godwit.wire.PeerError;
import java.io.BufferedReader;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Source and destination as processes that are killed. */
class ProcessTest {
  private final Lab lab = new Lab();
  private final List<Process> processes = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    processes.forEach(Process::destroyForcibly);
    lab.close();
  }

  private Process start(Class<?> main, List<String> options, String... args) throws IOException {
    Process process =
        new ProcessBuilder(OwnJvm.command(options, main, args))
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    processes.add(process);
    return process;
  }

  @Test
  void movesFromOneProcessToAnother() throws Exception {
    Process destination = start(DestinationProcess.class, List.of());
    BufferedReader said = destination.inputReader();
    Process source = start(SourceProcess.class, List.of(), said.readLine());
    assertEquals("whole guest", said.readLine());
    assertTrue(source.waitFor(30, TimeUnit.SECONDS));
    assertEquals(0, source.exitValue());
  }

  /** The oracle's own proof: with tracking off, pages are lost, and it must notice. */
  @Test
  void withoutDirtyTrackingPagesAreLostAndTheGuestNotices() throws Exception {
    Process destination = start(DestinationProcess.class, List.of());
    BufferedReader said = destination.inputReader();
    start(SourceProcess.class, List.of("-Dgodwit.test.dirtyTracking=off"), said.readLine());
    String verdict = said.readLine();
    assertNotEquals("whole guest", verdict);
    assertTrue(verdict.contains("does not hold what step"), verdict);
  }

  @ParameterizedTest
  @EnumSource(
      value = Moment.class,
      names = {"IN_ROUND_0", "IN_THE_LAST_ROUND", "BEFORE_COMMIT"})
  void cleansUpWhenTheSourceIsKilled(Moment moment) throws Exception {
    Receiver receiver = lab.receiver();
    Process source =
        start(SourceProcess.class, List.of(), Integer.toString(receiver.port()), moment.toString());
    ReceiveException end = assertInstanceOf(ReceiveException.class, Lab.failure(receiver));
    assertEquals(PeerError.Code.TIMEOUT, end.code(), end.getMessage());
    assertTrue(source.waitFor(10, TimeUnit.SECONDS));
    assertEquals(137, source.exitValue());
    lab.assertOthersAreGone(null);
    assertTrue(lab.names.isEmpty(), "the name stays reserved");
  }

  @ParameterizedTest
  @EnumSource(
      value = Moment.class,
      names = {"IN_ROUND_0", "IN_A_LATER_ROUND", "IN_THE_LAST_ROUND", "BEFORE_PREPARE"})
  void goesOnWhenTheDestinationIsKilled(Moment moment) throws Exception {
    Process destination = start(DestinationProcess.class, List.of());
    int port = Integer.parseInt(destination.inputReader().readLine());
    SyntheticMachine source = lab.source(32 * Lab.MIB, 1, Load.of(1024, 2000, 512));
    MigrationOptions options =
        Lab.options(false)
            .withMaxDowntime(Duration.ZERO)
            .withMaxRounds(3)
            .withTimeout(Duration.ofMinutes(1), MigrationOptions.OnTimeout.STOP);
    MigrationException failure =
        assertThrows(
            MigrationException.class,
            () ->
                lab.migration(
                        source,
                        moment.hook(Lab.sinkTo(port), destination::destroyForcibly),
                        options)
                    .run());
    assertEquals(Code.PEER_LOST, failure.code(), failure.getMessage());
    lab.assertOnlyRuns(source);
  }
}
