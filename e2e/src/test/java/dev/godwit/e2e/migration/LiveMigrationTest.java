package dev.godwit.e2e.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.dest.Received;
import dev.godwit.dest.Receiver;
import dev.godwit.machine.MachineState;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.memory.RamDigest;
import dev.godwit.source.MigrationOptions.Compression;
import dev.godwit.source.MigrationOptions.OnTimeout;
import dev.godwit.source.MigrationReport;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a migration promises when nothing goes wrong. */
class LiveMigrationTest {
  private final Lab lab = new Lab();

  @AfterEach
  void close() throws Exception {
    lab.close();
  }

  @Test
  void movesAMachineThatRewritesItsMemoryMeanwhile() throws Exception {
    SyntheticMachine source = lab.source(96 * Lab.MIB, 2, Load.of(2048, 4000, 4096));
    source.setDevice("what the guest made of it");
    Receiver receiver = lab.receiver();
    MigrationReport report =
        lab.migration(source, Lab.sinkTo(receiver.port()), Lab.options(true)).run();
    Received received = lab.received(receiver);
    SyntheticMachine moved = lab.of(received.machine());

    lab.assertOnlyRuns(moved);
    assertEquals("what the guest made of it", moved.device());
    assertEquals(report.ramDigest(), received.metadata().ramDigest());
    assertTrue(report.zeroPages() >= 96 * 256 - 2 * 2048 - 4096 - 16, () -> report.toString());
    assertTrue(report.rounds().size() >= 2, () -> report.toString());
    assertInstanceOf(MachineState.Stopped.class, source.machine().state());
    assertEquals(
        MachineState.StopReason.MIGRATED,
        ((MachineState.Stopped) source.machine().state()).reason());
  }

  @Test
  void movesBackAndForthWithoutLosingAPage() throws Exception {
    SyntheticMachine machine = lab.source(64 * Lab.MIB, 1, Load.of(2048, 0, 1024));
    for (int i = 0; i < 6; i++) {
      Receiver receiver = lab.receiver();
      lab.migration(
              machine,
              Lab.sinkTo(receiver.port()),
              Lab.options(true)
                  .withCompression(Compression.values()[i % 3])
                  .withMaxRounds(5)
                  .withTimeout(Duration.ofSeconds(5), OnTimeout.STOP))
          .run();
      Received received = lab.received(receiver);
      machine = lab.of(received.machine());
      received.name().close();
      lab.assertOnlyRuns(machine);
    }
  }

  @Test
  void guestTimeSeesTheRealDowntime() throws Exception {
    SyntheticMachine source = lab.source(32 * Lab.MIB, 1, Load.of(256, 1000, 0));
    Receiver receiver = lab.receiver();
    long hostBefore = System.nanoTime();
    long guestBefore = source.machine().clock().nowNanos();
    lab.migration(source, Lab.sinkTo(receiver.port()), Lab.options(false)).run();
    Received received = lab.received(receiver);
    Thread.sleep(200);
    long guest = received.machine().clock().nowNanos() - guestBefore;
    long host = System.nanoTime() - hostBefore;
    // Off by half a round trip and what the two readings of the clocks are apart.
    assertEquals(host / 1e6, guest / 1e6, 5, "guest and host time have come apart, in ms");
  }

  @Test
  void aPausedMachineArrivesPausedAndItsTimeStands() throws Exception {
    SyntheticMachine source = lab.source(32 * Lab.MIB, 1, Load.of(256, 1000, 0));
    source.machine().pause();
    long guestBefore = source.machine().clock().nowNanos();
    Receiver receiver = lab.receiver();
    lab.migration(source, Lab.sinkTo(receiver.port()), Lab.options(true)).run();
    Received received = lab.received(receiver);
    assertInstanceOf(MachineState.Paused.class, received.machine().state());
    assertEquals(guestBefore, received.machine().clock().nowNanos());
    received.machine().resume();
    lab.assertOnlyRuns(lab.of(received.machine()));
  }

  @Test
  void theDigestDependsOnEveryPage() throws Exception {
    SyntheticMachine source = lab.source(32 * Lab.MIB, 1, Load.of(16, 1, 0));
    source.machine().pause();
    long before = RamDigest.of(source.machine().memory());
    int changed = 0;
    for (long gpa = 0; gpa < 32 * Lab.MIB; gpa += 1 << 20) {
      long word = source.machine().memory().read64(gpa + 8);
      source.machine().memory().write64(gpa + 8, word ^ 1);
      changed += RamDigest.of(source.machine().memory()) == before ? 0 : 1;
      source.machine().memory().write64(gpa + 8, word);
      assertEquals(before, RamDigest.of(source.machine().memory()));
    }
    assertEquals(32, changed);
  }
}
