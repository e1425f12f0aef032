package dev.godwit.e2e.migration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.cpu.CodeHint;
import dev.godwit.dest.Received;
import dev.godwit.dest.Receiver;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineState;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.memory.RamDigest;
import dev.godwit.source.Afterwards;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationOptions.Compression;
import dev.godwit.source.MigrationOptions.OnTimeout;
import dev.godwit.source.MigrationProgress;
import dev.godwit.source.MigrationProgress.Phase;
import dev.godwit.source.MigrationReport;
import dev.godwit.source.StateSink;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
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
    assertEquals(
        report.ramDigest(),
        RamDigest.of(source.machine().memory()),
        "its RAM is freed by its owner, when the machine runs elsewhere already");
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

  /** Slow enough that the guest is watched before all pages have come. */
  @Test
  void tellsTheDestinationWhichCodeEachVcpuExecutes() throws Exception {
    SyntheticMachine source = lab.source(64 * Lab.MIB, 2, Load.of(256, 1000, 8192));
    Receiver receiver = lab.receiver();
    lab.migration(
            source,
            Lab.sinkTo(receiver.port()),
            Lab.options(false)
                .withBandwidthBytesPerSecond(64 * Lab.MIB)
                .withCompression(Compression.OFF))
        .run();
    SyntheticMachine moved = lab.of(lab.received(receiver).machine());
    lab.assertOnlyRuns(moved);
    for (int vcpu = 0; vcpu < 2; vcpu++) {
      List<CodeHint> told = new ArrayList<>();
      for (long gfn = 16 + 256 * vcpu; gfn < 20 + 256 * vcpu; gfn++) {
        told.add(new CodeHint(gfn << 12 | vcpu, gfn, (gfn & 1) != 0));
      }
      assertEquals(Set.copyOf(told), Set.copyOf(moved.decodedAhead(vcpu)));
      assertEquals(4, moved.decodedAhead(vcpu).size(), "something was told twice");
    }
  }

  @Test
  void savesTheStateWhileTheLastPagesAreOnTheirWay() throws Exception {
    SyntheticMachine source = lab.source(32 * Lab.MIB, 1, Load.of(256, 1000, 0));
    Receiver receiver = lab.receiver();
    CountDownLatch saving = new CountDownLatch(1);
    AtomicBoolean together = new AtomicBoolean();
    StateSink sink = Moment.WHILE_SAVING.hook(Lab.sinkTo(receiver.port()), saving::countDown);
    lab.migration(
            source,
            Moment.IN_THE_LAST_ROUND.hook(
                sink, () -> together.set(await(saving, Duration.ofSeconds(2)))),
            Lab.options(true))
        .run();
    lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
    assertTrue(together.get(), "the state was saved after the last pages had come");
  }

  private static boolean await(CountDownLatch latch, Duration patience) {
    try {
      return latch.await(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Test
  void guestTimeSeesTheRealDowntime() throws Exception {
    SyntheticMachine source = lab.source(32 * Lab.MIB, 1, Load.of(256, 1000, 0));
    Receiver receiver = lab.receiver();
    long before = guestAheadOfHostNanos(source.machine());
    MigrationReport report =
        lab.migration(source, Lab.sinkTo(receiver.port()), Lab.options(false)).run();
    Received received = lab.received(receiver);
    long lostNanos = before - guestAheadOfHostNanos(received.machine());
    // What cannot be known is how much of COMMIT's round trip was its way there; half of the best
    // round trip is assumed, which on a busy host is some milliseconds.
    assertTrue(lostNanos > -3_000_000, () -> "the guest got " + -lostNanos + " ns too much");
    assertTrue(
        lostNanos < report.downtime().commitNanos() + 1_000_000,
        () -> "the guest lost " + lostNanos + " ns; " + report);
  }

  /** Reads both clocks as one, as far as that goes. */
  private static long guestAheadOfHostNanos(Machine machine) {
    while (true) {
      long first = System.nanoTime();
      long guest = machine.clock().nowNanos();
      long second = System.nanoTime();
      if (second - first < 100_000) {
        return guest - first;
      }
    }
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
  void tellsItsListenerHowFarItIs() throws Exception {
    SyntheticMachine source = lab.source(32 * Lab.MIB, 1, Load.of(512, 1000, 4096));
    Receiver receiver = lab.receiver();
    List<MigrationProgress> told = new CopyOnWriteArrayList<>();
    MigrationReport report =
        new LiveMigration(
                source.machine(),
                Lab.sinkTo(receiver.port()),
                Afterwards.MIGRATED,
                // 18 MiB of content at 20 MB/s: long enough to be seen on its way.
                Lab.options(false)
                    .withCompression(Compression.OFF)
                    .withBandwidthBytesPerSecond(20_000_000),
                told::add,
                Lab.PRODUCER)
            .run();
    assertEquals(Phase.DONE, told.getLast().phase());
    List<Integer> phases = told.stream().map(progress -> progress.phase().ordinal()).toList();
    assertEquals(phases.stream().sorted().toList(), phases, "phases go backwards");
    List<MigrationProgress> precopy =
        told.stream().filter(p -> p.phase() == Phase.PRECOPY).toList();
    assertTrue(precopy.size() >= 3, () -> "" + told);
    assertTrue(precopy.stream().anyMatch(p -> p.remainingPages() > 0 && p.pages() > 0));
    for (MigrationProgress progress : precopy) {
      // Not the rate of a round, which in a short one is that of its first moment.
      assertTrue(
          progress.wireBytes() < 60_000_000 * (progress.elapsedNanos() / 1e9),
          () -> "the limit was not kept: " + progress);
    }
    assertTrue(report.totalNanos() > 700_000_000L, () -> "" + report);
    assertTrue(report.downtime().totalNanos() < report.totalNanos(), () -> "" + report);
    lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
  }

  @Test
  void aGuestThatDirtiesFasterThanTheLinkIsSlowedDownUntilItConverges() throws Exception {
    SyntheticMachine source = lab.source(32 * Lab.MIB, 2, Load.of(4000, 20_000, 0));
    Receiver receiver = lab.receiver();
    List<MigrationProgress> told = new CopyOnWriteArrayList<>();
    new LiveMigration(
            source.machine(),
            Lab.sinkTo(receiver.port()),
            Afterwards.MIGRATED,
            Lab.options(true)
                .withCompression(Compression.OFF)
                .withBandwidthBytesPerSecond(80_000_000)
                .withMaxDowntime(Duration.ofMillis(200))
                .withTimeout(Duration.ofSeconds(4), OnTimeout.THROTTLE),
            told::add,
            Lab.PRODUCER)
        .run();
    List<Integer> steps = told.stream().map(MigrationProgress::throttlePercent).distinct().toList();
    assertEquals(0, steps.getFirst(), () -> "throttled before time was over: " + steps);
    assertTrue(steps.size() > 1, () -> "never throttled: " + steps);
    lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
  }

  @Test
  void pagesThatChangeALittleGoAsDifferences() throws Exception {
    // 40 MB/s of pages that are dirtied, on a link of 50 MB/s, but a tenth of it changes.
    SyntheticMachine source = lab.source(64 * Lab.MIB, 2, Load.of(3000, 5000, 2000).changing(400));
    Receiver receiver = lab.receiver();
    List<MigrationProgress> told = new CopyOnWriteArrayList<>();
    MigrationReport report =
        new LiveMigration(
                source.machine(),
                Lab.sinkTo(receiver.port()),
                Afterwards.MIGRATED,
                Lab.options(true)
                    .withCompression(Compression.OFF)
                    .withBandwidthBytesPerSecond(50_000_000)
                    .withMaxDowntime(Duration.ofMillis(120)),
                told::add,
                Lab.PRODUCER)
            .run();
    assertTrue(report.deltaPages() > 1000, () -> "" + report);
    MigrationProgress last = told.getLast();
    assertEquals(report.deltaSavedBytes(), last.deltaSavedBytes());
    assertEquals(report.deltaPages(), last.deltaPages());
    assertEquals(report.heldPages(), last.heldPages());
    assertTrue(report.deltaSavedBytes() > report.deltaPages() * 3000, () -> "" + report);
    lab.assertOnlyRuns(lab.of(lab.received(receiver).machine()));
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
