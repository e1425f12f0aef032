package dev.godwit.e2e.snapshot;

import dev.godwit.dest.file.RestoreOptions;
import dev.godwit.dest.file.RestoredMachine;
import dev.godwit.dest.file.SnapshotRestorer;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineState;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.source.Afterwards;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationListener;
import dev.godwit.source.MigrationOptions;
import dev.godwit.source.MigrationReport;
import dev.godwit.source.file.FileSink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assertions;

/** Machines of one test, their snapshots, and what is left when it is over. */
final class SnapshotLab implements AutoCloseable {
  static final String PRODUCER = "godwit test";
  static final long MIB = 1L << 20;
  static final MigrationOptions OPTIONS =
      MigrationOptions.DEFAULT.withVerify(true).withMaxDowntime(Duration.ofMillis(300));

  private final List<SyntheticMachine> machines = new ArrayList<>();
  private int readsVersion = 1;

  /** Makes and starts a machine. */
  SyntheticMachine start(long ramBytes, int vcpus, Load load) {
    SyntheticMachine made =
        SyntheticMachine.create(
            SyntheticMachine.config("guest", ramBytes, vcpus, load), load.sectionVersion());
    machines.add(made);
    made.machine().start();
    return made;
  }

  /** Sets which version of the device's section this program knows. */
  void setReadsVersion(int version) {
    readsVersion = version;
  }

  static MigrationReport snapshot(SyntheticMachine machine, Path file, Afterwards afterwards) {
    return snapshot(machine, file, afterwards, null);
  }

  static MigrationReport snapshot(
      SyntheticMachine machine, Path file, Afterwards afterwards, @Nullable Path base) {
    return new LiveMigration(
            machine.machine(),
            new FileSink(file, afterwards, base),
            afterwards,
            OPTIONS,
            MigrationListener.NONE,
            PRODUCER)
        .run();
  }

  RestoredMachine restoreStopped(Path file, RestoreOptions options, InstantSource wallClock) {
    return new SnapshotRestorer(
            (config, memory) -> {
              SyntheticMachine made = SyntheticMachine.build(config, memory, readsVersion);
              machines.add(made);
              return made.machine();
            },
            wallClock)
        .restore(file, options);
  }

  /** Restores and starts a machine. */
  SyntheticMachine restore(Path file) {
    RestoredMachine restored = restoreStopped(file, RestoreOptions.DEFAULT, InstantSource.system());
    restored.start();
    return of(restored.machine());
  }

  SyntheticMachine of(Machine machine) {
    return machines.stream().filter(m -> m.machine() == machine).findFirst().orElseThrow();
  }

  /** Says how many machines there are that have not ended. */
  long alive() {
    return machines.stream()
        .filter(m -> !(m.machine().state() instanceof MachineState.Stopped))
        .count();
  }

  /** The machine runs, and its memory is whole. */
  static void assertRunsWhole(SyntheticMachine machine) throws InterruptedException {
    long before = machine.steps();
    long deadline = System.nanoTime() + 10_000_000_000L;
    while (machine.steps() == before && System.nanoTime() < deadline) {
      Thread.sleep(5);
    }
    Assertions.assertTrue(machine.steps() > before, "the machine stands still");
    Assertions.assertEquals("", machine.check());
    Assertions.assertEquals("", machine.mismatch());
  }

  /** Returns the names of all files in a folder. */
  static List<String> files(Path folder) throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return List.copyOf(
          new TreeSet<>(list.map(file -> String.valueOf(file.getFileName())).toList()));
    }
  }

  @Override
  public void close() {
    machines.forEach(machine -> machine.machine().close());
  }
}
