package dev.godwit.source.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.machine.Machine.VcpuLock;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.memory.GuestMemory;
import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.snapshot.file.SnapshotFiles;
import dev.godwit.source.Afterwards;
import dev.godwit.source.HandoverAnswer;
import dev.godwit.source.MigrationException;
import dev.godwit.source.PageFeed;
import dev.godwit.stream.StreamCodec;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import dev.godwit.wire.PageEncoding;
import dev.godwit.wire.PageRun;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PublicationTest {
  private static final long RAM_BYTES = 4 << 20;
  private static final int MAX_STEPS = 60;

  @TempDir Path folder;

  private final SyntheticMachine machine =
      SyntheticMachine.create(SyntheticMachine.config("m", RAM_BYTES, 1, Load.of(20, 500, 20)), 1);

  @AfterEach
  void close() {
    machine.machine().close();
  }

  /** The process is gone: nothing after it happens, no tidying up either. */
  private static final class Killed extends Error {
    private static final long serialVersionUID = 1L;
  }

  /** Stops at one of the steps: killed, or by a failure that the sink may answer to. */
  private static final class Stopping implements DiskOperations {
    private final boolean kill;
    private int left;
    private boolean stopped;

    Stopping(int steps, boolean kill) {
      this.left = steps;
      this.kill = kill;
    }

    private void step() throws IOException {
      if (kill && stopped) {
        throw new Killed();
      }
      if (left-- == 0) {
        stopped = true;
        if (kill) {
          throw new Killed();
        }
        throw new IOException("a test's failure");
      }
    }

    @Override
    public void move(Path from, Path to) throws IOException {
      step();
      DiskOperations.super.move(from, to);
    }

    @Override
    public void delete(Path file) throws IOException {
      step();
      DiskOperations.super.delete(file);
    }

    @Override
    public void syncFile(FileChannel file) throws IOException {
      step();
    }

    @Override
    public void syncFolder(Path at) throws IOException {
      step();
    }
  }

  private Path file() {
    return folder.resolve("vm");
  }

  /**
   * Writes a snapshot as LiveMigration does.
   *
   * @throws MigrationException when it failed, after the sink has tidied up
   * @throws Killed when the process was killed: nothing was tidied up
   */
  private void write(DiskOperations disk, String device) {
    machine.setDevice(device);
    FileSink sink = new FileSink(file(), Afterwards.GOES_ON, null, disk);
    // Closing gives the lock back, as the kernel does when a process is killed.
    try (sink;
        VcpuLock lock = machine.machine().lockAllVcpus()) {
      try {
        sink.begin(StreamHeader.of(machine.machine(), "test"));
        sink.firstPages(machine.machine().memory());
        sink.sendPages(List.of(new AllPages(machine.machine().memory())));
        List<Section> sections = lock.save();
        sink.prepare(
            sections,
            new StreamMetadata("m", 1, 2, StreamCodec.sha256(sections), 0, 1024, 0, false));
        switch (sink.commit(() -> 0)) {
          case HandoverAnswer.Never(MigrationException.Code code, String why) ->
              throw new MigrationException(code, why);
          case HandoverAnswer.Taken taken -> sink.release();
          case HandoverAnswer.Ready ready -> throw new AssertionError(ready);
          case HandoverAnswer.NeverStarted dead -> throw new AssertionError(dead);
          case HandoverAnswer.Unknown unknown -> throw new AssertionError(unknown);
        }
      } catch (MigrationException e) {
        sink.abort(e);
        throw e;
      }
    }
  }

  /** One round of all pages. */
  private static final class AllPages implements PageFeed {
    private static final int RUN_PAGES = 16;

    private final GuestMemory memory;
    private long gfn;

    AllPages(GuestMemory memory) {
      this.memory = memory;
    }

    @Override
    public int round() {
      return 0;
    }

    @Override
    public boolean last() {
      return true;
    }

    @Override
    public long pauseNanos() {
      return 0;
    }

    @Override
    public @Nullable List<PageRun> next() {
      if (gfn == memory.framePages()) {
        return null;
      }
      long first = gfn;
      gfn += RUN_PAGES;
      return List.of(
          new PageRun(
              first,
              RUN_PAGES,
              PageEncoding.RAW,
              memory.view(
                  first << GuestMemory.PAGE_SHIFT, (long) RUN_PAGES * GuestMemory.PAGE_BYTES)));
    }

    @Override
    public void rewind(long landedPages) {
      throw new AssertionError("a file does not lose pages");
    }
  }

  /** Returns what the snapshot's device held; the snapshot is whole. */
  private String read() {
    SnapshotFiles snapshot = SnapshotFiles.open(file());
    snapshot.verifyRam();
    return snapshot.content().sections().getFirst().payload().toStringUtf8().substring(2);
  }

  @Test
  void aWriterKilledBetweenAnyTwoStepsLeavesTheOldSnapshotOrTheNew() throws Exception {
    write(DiskOperations.HOST, "old");
    boolean sawOld = false;
    boolean sawNew = false;
    for (int steps = 0; ; steps++) {
      assertTrue(steps < MAX_STEPS, "it never ends");
      String before = read();
      String next = "of step " + steps;
      boolean finished = true;
      try {
        write(new Stopping(steps, true), next);
      } catch (Killed | MigrationException e) {
        finished = false;
      }
      String found = read();
      assertTrue(found.equals(before) || found.equals(next), found);
      sawOld |= found.equals(before);
      sawNew |= found.equals(next);
      if (finished) {
        assertEquals(next, found);
        break;
      }
      if (steps % 3 == 0) {
        // The next writer tidies up after the killed one.
        write(DiskOperations.HOST, "again " + steps);
        assertEquals("again " + steps, read());
        assertEquals(List.of("vm", "vm.kern", "vm.meta"), files());
      }
    }
    assertTrue(sawOld && sawNew, "it was not killed on both sides of the last rename");
  }

  @Test
  void aWriterThatFailsAtAnyStepLeavesOneSnapshotAndNothingElse() throws Exception {
    write(DiskOperations.HOST, "old");
    int failures = 0;
    for (int steps = 0; ; steps++) {
      assertTrue(steps < MAX_STEPS, "it never ends");
      String before = read();
      String next = "of step " + steps;
      try {
        write(new Stopping(steps, false), next);
        if (steps > failures + 2) {
          break; // Only removing the older files failed, or nothing did.
        }
      } catch (MigrationException e) {
        failures++;
        assertEquals(MigrationException.Code.HOST_IO, e.code());
        String found = read();
        if (String.valueOf(e.getMessage()).contains("is complete")) {
          assertEquals(next, found);
        } else {
          assertEquals(before, found);
          assertTrue(String.valueOf(e.getMessage()).contains("a test's failure"), e::toString);
        }
        assertEquals(List.of("vm", "vm.kern", "vm.meta"), files());
      }
    }
    assertTrue(failures > 10, failures + " failures");
  }

  @Test
  void aFirstSnapshotThatFailsLeavesNothing() throws Exception {
    int failures = 0;
    for (int steps = 0; ; steps++) {
      assertTrue(steps < MAX_STEPS, "it never ends");
      try {
        write(new Stopping(steps, false), "first");
        break;
      } catch (MigrationException e) {
        failures++;
        if (String.valueOf(e.getMessage()).contains("is complete")) {
          break;
        }
        assertEquals(List.of(), files());
      }
    }
    assertTrue(failures > 5, failures + " failures");
    assertEquals("first", read());
  }

  @Test
  void aFirstWriterThatWasKilledIsNoSnapshotAndInNobodysWay() throws Exception {
    for (int steps = 0; ; steps++) {
      assertTrue(steps < MAX_STEPS, "it never ends");
      try {
        write(new Stopping(steps, true), "first");
        break;
      } catch (Killed | MigrationException e) {
        if (!Files.exists(folder.resolve("vm.meta"))) {
          assertThrows(SnapshotException.class, this::read);
        }
        write(DiskOperations.HOST, "second");
        assertEquals("second", read());
        for (String name : files()) {
          Files.delete(folder.resolve(name));
        }
      }
    }
  }

  private List<String> files() throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return List.copyOf(
          new TreeSet<>(list.map(file -> String.valueOf(file.getFileName())).toList()));
    }
  }
}
