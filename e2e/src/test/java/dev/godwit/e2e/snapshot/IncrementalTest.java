package dev.godwit.e2e.snapshot;

import static dev.godwit.e2e.snapshot.SnapshotLab.MIB;
import static dev.godwit.e2e.snapshot.SnapshotLab.assertRunsWhole;
import static dev.godwit.e2e.snapshot.SnapshotLab.files;
import static dev.godwit.e2e.snapshot.SnapshotLab.snapshot;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.dest.file.RestoreOptions;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.memory.RamDigest;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.snapshot.file.Inspection;
import dev.godwit.snapshot.file.Inspector;
import dev.godwit.snapshot.file.ManifestCodec;
import dev.godwit.snapshot.file.SnapshotManifest;
import dev.godwit.snapshot.file.SnapshotPaths;
import dev.godwit.source.Afterwards;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationException;
import dev.godwit.source.MigrationListener;
import dev.godwit.source.MigrationReport;
import dev.godwit.source.NetworkSink;
import dev.godwit.source.NetworkSinkOptions;
import dev.godwit.source.file.FileSink;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code snapshot --base}: only what changed, and yet the whole machine. */
class IncrementalTest {
  /** 4,000 pages that never change, 50 that do. */
  private static final Load LOAD = Load.of(50, 2000, 4000);

  @TempDir Path folder;
  private final SnapshotLab lab = new SnapshotLab();

  @AfterEach
  void close() {
    lab.close();
  }

  private Path file(String name) {
    return folder.resolve(name);
  }

  private long digestOf(Path file) {
    return RamDigest.of(
        lab.restoreStopped(file, RestoreOptions.DEFAULT, InstantSource.system())
            .machine()
            .memory());
  }

  private static long ownPages(Path file) {
    SnapshotManifest.Base base = ManifestCodec.read(new SnapshotPaths(file).meta()).base();
    return base == null ? -1 : base.ownPages();
  }

  @Test
  void aChainOfSnapshotsIsTheSameMachineAsAFullOneOfTheSameMoment() throws Exception {
    SyntheticMachine machine = lab.start(32 * MIB, 1, LOAD);
    snapshot(machine, file("full"), Afterwards.GOES_ON);
    machine.setDevice("second");
    MigrationReport second = snapshot(machine, file("second"), Afterwards.GOES_ON, file("full"));
    assertRunsWhole(machine);
    // A page that becomes zero must not be the base's.
    long zeroed = 20L * 4096 + 16 * MIB;
    machine.machine().memory().write64(zeroed, 1);
    snapshot(machine, file("third"), Afterwards.GOES_ON, file("second"));
    machine.machine().memory().zero(zeroed, 4096);
    machine.setDevice("last");
    machine.machine().pause();
    MigrationReport last = snapshot(machine, file("last"), Afterwards.GOES_ON, file("third"));

    assertTrue(second.pages() < 1000, second::toString);
    assertTrue(ownPages(file("last")) < 1000);
    assertEquals(-1, ownPages(file("full")));
    assertEquals(last.ramDigest(), RamDigest.of(machine.machine().memory()));
    assertEquals(last.ramDigest(), digestOf(file("last")));

    snapshot(machine, file("control"), Afterwards.GOES_ON);
    assertEquals(digestOf(file("control")), digestOf(file("last")));
    assertEquals(second.ramDigest(), digestOf(file("second")));

    SyntheticMachine restored = lab.restore(file("last"));
    assertEquals("last", restored.device());
    restored.machine().resume();
    assertRunsWhole(restored);
    assertRunsWhole(lab.restore(file("second")));
    machine.machine().resume();
    assertRunsWhole(machine);
  }

  @Test
  void aRestoredMachineKnowsWhatChangedSince() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    snapshot(machine, file("full"), Afterwards.SUSPENDED);
    for (int i = 0; i < 3; i++) {
      String before = i == 0 ? "full" : "day" + (i - 1);
      machine = lab.restore(file(before));
      assertRunsWhole(machine);
      snapshot(machine, file("day" + i), Afterwards.SUSPENDED, file(before));
      assertTrue(ownPages(file("day" + i)) < 1000);
    }
    assertRunsWhole(lab.restore(file("day2")));
  }

  @Test
  void theFilesMayBeMovedTogether() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    snapshot(machine, file("full"), Afterwards.GOES_ON);
    snapshot(machine, file("more"), Afterwards.SUSPENDED, file("full"));
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    for (String name : files(folder)) {
      if (!name.equals("elsewhere")) {
        Files.move(folder.resolve(name), elsewhere.resolve(name));
      }
    }
    assertRunsWhole(lab.restore(elsewhere.resolve("more")));
  }

  @Test
  void whatAFailedMigrationHarvestedIsNotForgotten() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    snapshot(machine, file("full"), Afterwards.GOES_ON);
    Thread.sleep(50);
    for (int i = 0; i < 2; i++) {
      // Nobody listens at one; the other has the snapshot's name, and fails in the middle.
      LiveMigration failing =
          new LiveMigration(
              machine.machine(),
              i == 0
                  ? new NetworkSink("127.0.0.1", 1, "test", NetworkSinkOptions.DEFAULT)
                  : new FileSink(folder.resolve("missing/vm"), Afterwards.GOES_ON),
              Afterwards.GOES_ON,
              SnapshotLab.OPTIONS,
              MigrationListener.NONE,
              SnapshotLab.PRODUCER);
      assertThrows(MigrationException.class, failing::run);
    }
    MigrationReport report = snapshot(machine, file("more"), Afterwards.GOES_ON, file("full"));
    assertEquals(report.ramDigest(), digestOf(file("more")));
    assertRunsWhole(machine);
  }

  private void assertUnknownBase(SyntheticMachine machine, String name, String base, String why)
      throws Exception {
    List<String> before = files(folder);
    MigrationException e =
        assertThrows(
            MigrationException.class,
            () -> snapshot(machine, file(name), Afterwards.GOES_ON, file(base)));
    assertEquals(MigrationException.Code.UNKNOWN_BASE, e.code(), e.getMessage());
    assertTrue(String.valueOf(e.getMessage()).contains(why), e.getMessage());
    assertEquals(before, files(folder), "something is left of it");
    assertRunsWhole(machine);
  }

  @Test
  void refusesABaseThatTheMachineDoesNotKnowOrThatCannotBeUsed() throws Exception {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    snapshot(machine, file("first"), Afterwards.GOES_ON);
    snapshot(machine, file("later"), Afterwards.GOES_ON);
    assertUnknownBase(machine, "more", "first", "take a full one, without --base");
    assertUnknownBase(machine, "more", "nothing", "cannot be used");
    assertUnknownBase(machine, "later", "later", "choose another name");
    snapshot(machine, file("more"), Afterwards.GOES_ON, file("later"));
    assertUnknownBase(machine, "later", "more", "choose another name");
    Files.delete(file("later.kern"));
    assertUnknownBase(machine, "most", "more", "cannot be used");
  }

  private void assertRefused(SnapshotException.Code code, String why) {
    SnapshotException e = assertThrows(SnapshotException.class, () -> lab.restore(file("more")));
    assertEquals(code, e.code(), e.getMessage());
    assertTrue(String.valueOf(e.getMessage()).contains(why), e.getMessage());
    Inspection inspection = Inspector.inspect(file("more"), true);
    assertFalse(inspection.isWhole());
    assertTrue(inspection.toText().contains(why), inspection::toText);
  }

  private void incremental() {
    SyntheticMachine machine = lab.start(16 * MIB, 1, LOAD);
    snapshot(machine, file("full"), Afterwards.GOES_ON);
    snapshot(machine, file("more"), Afterwards.GOES_ON, file("full"));
    Inspection whole = Inspector.inspect(file("more"), true);
    assertTrue(whole.isWhole(), whole::toText);
    assertTrue(whole.toText().contains("pages changed since full"), whole::toText);
    assertTrue(whole.toJson().contains("\"base\""), whole::toJson);
  }

  @Test
  void refusesAMissingBase() throws Exception {
    incremental();
    for (String suffix : new String[] {"", ".kern", ".meta"}) {
      Files.delete(file("full" + suffix));
    }
    assertRefused(SnapshotException.Code.MISSING_BASE, "holds only what changed since");
  }

  @Test
  void refusesABaseThatWasReplaced() throws Exception {
    incremental();
    snapshot(lab.start(16 * MIB, 1, LOAD), file("full"), Afterwards.GOES_ON);
    assertRefused(SnapshotException.Code.MISSING_BASE, "is another snapshot now");
  }

  @Test
  void refusesADamagedBase() throws Exception {
    incremental();
    flip(file("full"), 16 * MIB - 4096 + 8);
    assertRefused(SnapshotException.Code.CORRUPT, file("full") + " is damaged");
  }

  @Test
  void refusesDamagedPagesOfItsOwn() throws Exception {
    incremental();
    flip(file("more"), 16 * 4096 + 8);
    assertRefused(SnapshotException.Code.CORRUPT, file("more") + " is damaged");
  }

  private static void flip(Path file, long offset) throws IOException {
    try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
      open.seek(offset);
      int value = open.read();
      open.seek(offset);
      open.write(value ^ 1);
    }
  }
}
