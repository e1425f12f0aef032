package dev.godwit.e2e.snapshot;

import static dev.godwit.e2e.snapshot.SnapshotLab.MIB;
import static dev.godwit.e2e.snapshot.SnapshotLab.assertRunsWhole;
import static dev.godwit.e2e.snapshot.SnapshotLab.files;
import static dev.godwit.e2e.snapshot.SnapshotLab.snapshot;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.dest.file.RestoreOptions;
import dev.godwit.dest.file.RestoredMachine;
import dev.godwit.e2e.migration.Moment;
import dev.godwit.machine.MachineState;
import dev.godwit.machine.MachineState.StopReason;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.snapshot.file.Inspection;
import dev.godwit.snapshot.file.Inspector;
import dev.godwit.snapshot.file.ManifestCodec;
import dev.godwit.source.Afterwards;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationException;
import dev.godwit.source.MigrationListener;
import dev.godwit.source.MigrationOptions;
import dev.godwit.source.MigrationProgress;
import dev.godwit.source.MigrationReport;
import dev.godwit.source.file.FileSink;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SnapshotTest {
  private static final Load LOAD = Load.of(200, 2000, 100);
  private static final List<String> NAMES = List.of("vm", "vm.kern", "vm.meta");

  @TempDir Path folder;
  private final SnapshotLab lab = new SnapshotLab();

  @AfterEach
  void close() {
    lab.close();
  }

  private Path file() {
    return folder.resolve("vm");
  }

  @Test
  void aLiveSnapshotIsRestoredAndTheMachineGoesOn() throws Exception {
    SyntheticMachine machine = lab.start(32 * MIB, 2, LOAD);
    machine.setDevice("set by a test");
    MigrationReport report = snapshot(machine, file(), Afterwards.GOES_ON);
    assertRunsWhole(machine);
    assertEquals(NAMES, files(folder));
    assertTrue(report.downtime().totalNanos() > 0);

    SyntheticMachine restored = lab.restore(file());
    assertEquals("set by a test", restored.device());
    assertRunsWhole(restored);
    assertRunsWhole(machine);
  }

  @Test
  void aMachineIsSuspendedAndRestoredTimeAndAgain() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    long steps = machine.steps();
    for (int i = 0; i < 5; i++) {
      machine.setDevice("round " + i);
      snapshot(machine, file(), Afterwards.SUSPENDED);
      MachineState.Stopped end =
          assertInstanceOf(MachineState.Stopped.class, machine.machine().state());
      assertEquals(StopReason.SUSPENDED, end.reason());
      assertEquals(NAMES, files(folder));
      machine = lab.restore(file());
      assertEquals("round " + i, machine.device());
      assertRunsWhole(machine);
      assertTrue(machine.steps() > steps);
      steps = machine.steps();
      assertEquals(1, lab.alive());
    }
  }

  @Test
  void ramIsSparseAndNobodyElseMayReadIt() throws Exception {
    SyntheticMachine machine = lab.start(64 * MIB, 1, LOAD);
    snapshot(machine, file(), Afterwards.GOES_ON);
    assertEquals(64 * MIB, Files.size(file()));
    Process du = new ProcessBuilder("du", "--block-size=1", file().toString()).start();
    String said = new String(du.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    long allocated = Long.parseLong(said.substring(0, said.indexOf('\t')));
    assertTrue(allocated < 4 * MIB, allocated + " bytes on disk for 300 pages");
    for (String name : NAMES) {
      assertEquals(
          "rw-------",
          PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve(name))));
    }
  }

  @Test
  void aNewSnapshotTakesTheOldOnesPlaceWhileAMachineRunsFromIt() throws Exception {
    SyntheticMachine first = lab.start(16 * MIB, 1, LOAD);
    first.setDevice("old");
    snapshot(first, file(), Afterwards.SUSPENDED);
    SyntheticMachine second = lab.restore(file());
    second.setDevice("new");
    snapshot(second, file(), Afterwards.GOES_ON);
    assertEquals(NAMES, files(folder));
    // It still reads untouched pages of the file that was replaced.
    assertRunsWhole(second);
    SyntheticMachine third = lab.restore(file());
    assertEquals("new", third.device());
    assertRunsWhole(third);
  }

  @Test
  void thePauseIsInvisibleUnlessTheGuestIsToCatchUp() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    snapshot(machine, file(), Afterwards.SUSPENDED);
    long saved = savedNanos();
    InstantSource anHourLater = () -> Instant.now().plus(Duration.ofHours(1));

    RestoredMachine invisible = lab.restoreStopped(file(), RestoreOptions.DEFAULT, anHourLater);
    assertEquals(0, invisible.skippedNanos());
    assertEquals(saved, invisible.machine().clock().nowNanos());

    RestoredMachine caughtUp =
        lab.restoreStopped(file(), RestoreOptions.DEFAULT.withCatchUp(true), anHourLater);
    long passed = caughtUp.machine().clock().nowNanos() - saved;
    assertEquals(caughtUp.skippedNanos(), passed);
    assertTrue(
        passed >= Duration.ofHours(1).toNanos() && passed < Duration.ofMinutes(61).toNanos(),
        passed + " ns passed");
  }

  private long savedNanos() {
    return ManifestCodec.read(folder.resolve("vm.meta")).guestNanos();
  }

  @Test
  void aPausedMachineStaysPausedAndItsNameCanBeAnother() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    machine.machine().pause();
    snapshot(machine, file(), Afterwards.GOES_ON);
    assertInstanceOf(MachineState.Paused.class, machine.machine().state());
    RestoredMachine restored =
        lab.restoreStopped(
            file(),
            RestoreOptions.DEFAULT.withName("another").withCatchUp(true),
            InstantSource.system());
    assertEquals(0, restored.skippedNanos());
    restored.start();
    assertInstanceOf(MachineState.Paused.class, restored.machine().state());
    assertEquals("another", restored.machine().config().name());
    restored.machine().resume();
    assertRunsWhole(lab.of(restored.machine()));
  }

  @Test
  void aCancelledSnapshotLeavesTheOldOneAndNothingElse() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    machine.setDevice("old");
    snapshot(machine, file(), Afterwards.GOES_ON);
    machine.setDevice("new");
    AtomicReference<LiveMigration> running = new AtomicReference<>();
    MigrationListener canceller =
        progress -> {
          LiveMigration migration = running.get();
          if (migration != null && progress.phase() == MigrationProgress.Phase.PRECOPY) {
            migration.cancel();
          }
        };
    // Nothing fits this pause, so that it lasts until it is cancelled.
    MigrationOptions options =
        SnapshotLab.OPTIONS.withMaxDowntime(Duration.ZERO).withMaxRounds(1_000_000);
    running.set(
        new LiveMigration(
            machine.machine(),
            new FileSink(file(), Afterwards.SUSPENDED),
            Afterwards.SUSPENDED,
            options,
            canceller,
            SnapshotLab.PRODUCER));
    MigrationException e = assertThrows(MigrationException.class, () -> running.get().run());
    assertEquals(MigrationException.Code.CANCELLED, e.code());
    assertRunsWhole(machine);
    assertEquals(NAMES, files(folder));
    assertEquals("old", lab.restore(file()).device());
  }

  @Test
  void whatIsNoSnapshotIsNotOverwritten() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    Files.writeString(file(), "somebody's work");
    MigrationException e =
        assertThrows(
            MigrationException.class, () -> snapshot(machine, file(), Afterwards.SUSPENDED));
    assertEquals(MigrationException.Code.HOST_IO, e.code());
    assertTrue(String.valueOf(e.getMessage()).contains("is no snapshot"), e::getMessage);
    assertEquals("somebody's work", Files.readString(file()));
    assertEquals(List.of("vm"), files(folder));
    assertRunsWhole(machine);
  }

  @Test
  void aFolderThatIsNotThereIsNamed() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    MigrationException e =
        assertThrows(
            MigrationException.class,
            () -> snapshot(machine, folder.resolve("no/vm"), Afterwards.SUSPENDED));
    assertTrue(
        String.valueOf(e.getMessage()).contains(folder.resolve("no") + " does not exist"),
        e::getMessage);
    assertRunsWhole(machine);
  }

  @Test
  void twoSnapshotsOfOneNameDoNotMix() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    SyntheticMachine other = lab.start(16 * MIB, 1, LOAD);
    AtomicReference<Throwable> second = new AtomicReference<>();
    Runnable secondWriter =
        () ->
            second.set(
                assertThrows(
                    MigrationException.class, () -> snapshot(other, file(), Afterwards.GOES_ON)));
    new LiveMigration(
            machine.machine(),
            Moment.IN_ROUND_0.hook(new FileSink(file(), Afterwards.GOES_ON), secondWriter),
            Afterwards.GOES_ON,
            SnapshotLab.OPTIONS,
            MigrationListener.NONE,
            SnapshotLab.PRODUCER)
        .run();
    String refusal = String.valueOf(second.get());
    assertTrue(refusal.contains("another snapshot is being written"), refusal);
    assertEquals(NAMES, files(folder));
    assertRunsWhole(lab.restore(file()));
    assertRunsWhole(other);
  }

  @Test
  void inspectShowsWhatTheDevicesAreWithoutKnowingThem() throws IOException {
    SyntheticMachine machine = lab.start(16 * MIB, 1, new Load(200, 2000, 100, 2, 0));
    machine.setDevice("of a newer version");
    snapshot(machine, file(), Afterwards.GOES_ON);
    Inspection inspection = Inspector.inspect(file(), true);
    assertEquals(List.of(), inspection.damage());
    String text = inspection.toText();
    assertTrue(text.contains("section synthetic-device/dev0, version 2"), text);
    assertTrue(text.contains("value: \"of a newer version\""), text);
    assertTrue(inspection.toJson().contains("\"of a newer version\""), inspection::toJson);
    assertEquals(text, Inspector.inspect(folder.resolve("vm.kern"), true).toText());
  }
}
