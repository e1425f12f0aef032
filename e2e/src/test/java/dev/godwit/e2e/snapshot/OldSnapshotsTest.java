package dev.godwit.e2e.snapshot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.backend.Console;
import dev.godwit.dest.file.RestoreOptions;
import dev.godwit.dest.file.RestoredMachine;
import dev.godwit.dest.file.SnapshotRestorer;
import dev.godwit.machine.CpuEngines;
import dev.godwit.machine.Machine;
import dev.godwit.machine.Pc;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.snapshot.file.Inspector;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Snapshots that earlier versions wrote ({@link Fixtures}) are read for ever. */
class OldSnapshotsTest {
  @TempDir Path folder;

  /** Copies a snapshot that is kept, and returns its FILE. */
  private Path kept(String name) throws IOException {
    copy(name, "vm");
    if (name.endsWith("/incremental")) {
      copy(name, "before");
    }
    return folder.resolve("vm");
  }

  private void copy(String name, String snapshot) throws IOException {
    for (String suffix : List.of("", ".kern", ".meta")) {
      try (InputStream in = open(name + "/" + snapshot + suffix)) {
        Files.copy(in, folder.resolve(snapshot + suffix));
      }
    }
  }

  private static InputStream open(String name) {
    return Objects.requireNonNull(
        SyntheticMachine.class.getResourceAsStream("/fixtures/" + name), name);
  }

  @Test
  void aSyntheticMachineOfVersion1GoesOn() throws Exception {
    try (SnapshotLab lab = new SnapshotLab()) {
      SyntheticMachine machine = lab.restore(kept("v1/synthetic"));
      assertEquals(Fixtures.DEVICE, machine.device());
      SnapshotLab.assertRunsWhole(machine);
    }
  }

  @Test
  void anIncrementalSnapshotOfVersion2GoesOn() throws Exception {
    try (SnapshotLab lab = new SnapshotLab()) {
      SyntheticMachine machine = lab.restore(kept("v2/incremental"));
      assertEquals(Fixtures.DEVICE, machine.device());
      SnapshotLab.assertRunsWhole(machine);
    }
  }

  @Test
  void aPcOfVersion1GoesOn() throws Exception {
    AtomicReference<Pc> built = new AtomicReference<>();
    RestoredMachine restored =
        new SnapshotRestorer(
                (config, memory) -> {
                  Pc pc =
                      Pc.build(
                          config,
                          memory,
                          CpuEngines.create(CpuEngines.SOFT),
                          InstantSource.system());
                  built.set(pc);
                  return pc.machine();
                },
                InstantSource.system())
            .restore(kept("v1/pc"), RestoreOptions.DEFAULT);
    try (Machine machine = restored.machine()) {
      long before = machine.memory().read64(Fixtures.COUNTER_GPA);
      assertTrue(before >= 10, () -> "it had counted to " + before);
      Dots dots = new Dots();
      try (Console.Attachment attachment = built.get().console().attach(dots)) {
        restored.start();
        assertTrue(dots.seen.await(20, TimeUnit.SECONDS), "the guest says nothing");
      }
      assertTrue(machine.memory().read64(Fixtures.COUNTER_GPA) > before, "it does not count on");
    }
  }

  /** What the guest says on its console while it counts. */
  private static final class Dots implements Console.Listener {
    private final CountDownLatch seen = new CountDownLatch(3);

    @Override
    public void output(byte[] bytes, long droppedBytes) {
      for (byte each : bytes) {
        if (each == '.') {
          seen.countDown();
        }
      }
    }

    @Override
    public void closed() {}
  }

  @ParameterizedTest
  @ValueSource(strings = {"v1/synthetic", "v1/pc", "v2/incremental"})
  void inspectSaysOfThemWhatItEverSaid(String name) throws Exception {
    String golden;
    try (InputStream in = open(name + "/inspect.txt")) {
      golden = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    assertEquals(golden, Fixtures.withoutFolder(Inspector.inspect(kept(name), true).toText()));
  }
}
