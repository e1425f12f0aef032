package dev.godwit.e2e.snapshot;

import static dev.godwit.e2e.snapshot.SnapshotLab.MIB;

import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.source.Afterwards;
import dev.godwit.source.MigrationException;
import java.nio.file.Path;
import java.util.List;

/**
 * A process of its own on a disk that is too small for its second snapshot: {@code FullDiskProbe
 * FOLDER [BYTES]}, where BYTES limits the size of the files that the second one may write. Its last
 * line is {@code held} if everything was as it should be.
 */
final class FullDiskProbe {
  private FullDiskProbe() {}

  /** Takes a snapshot that fits, then one that does not, live and suspending. */
  public static void main(String[] args) throws Exception {
    Path folder = Path.of(args[0]);
    Path file = folder.resolve("vm");
    try (SnapshotLab lab = new SnapshotLab()) {
      SyntheticMachine small = lab.start(4 * MIB, 1, Load.of(50, 2000, 50));
      small.setDevice("fits");
      SnapshotLab.snapshot(small, file, Afterwards.SUSPENDED);
      SyntheticMachine large = lab.start(64 * MIB, 1, Load.of(50, 2000, 12_000));
      if (args.length > 1) {
        limitFiles(args[1]);
      }
      for (Afterwards afterwards : List.of(Afterwards.GOES_ON, Afterwards.SUSPENDED)) {
        String refusal = refusal(large, file, afterwards);
        require(
            refusal.startsWith("HOST_IO: the snapshot " + file + " cannot be written: ")
                && (refusal.contains("No space left on device")
                    || refusal.contains("File too large")),
            refusal);
        System.out.println(refusal);
        SnapshotLab.assertRunsWhole(large);
        require(
            SnapshotLab.files(folder).equals(List.of("vm", "vm.kern", "vm.meta")),
            "left behind: " + SnapshotLab.files(folder));
        SyntheticMachine restored = lab.restore(file);
        require(restored.device().equals("fits"), restored.device());
        SnapshotLab.assertRunsWhole(restored);
      }
    }
    System.out.println("held");
  }

  /** Limits the size of files that this process writes, as setrlimit(2) does: RAM is one, too. */
  private static void limitFiles(String bytes) throws Exception {
    Process prlimit =
        new ProcessBuilder(
                "prlimit",
                "--pid",
                Long.toString(ProcessHandle.current().pid()),
                "--fsize=" + bytes + ":" + bytes)
            .inheritIO()
            .start();
    require(prlimit.waitFor() == 0, "prlimit failed");
  }

  private static String refusal(SyntheticMachine machine, Path file, Afterwards afterwards) {
    try {
      SnapshotLab.snapshot(machine, file, afterwards);
      return "it was written";
    } catch (MigrationException e) {
      return e.code() + ": " + e.getMessage();
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }
}
