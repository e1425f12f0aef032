package dev.godwit.dest.file;

import dev.godwit.dest.MachineFactory;
import dev.godwit.machine.Machine;
import dev.godwit.machine.Machine.VcpuLock;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.MachineState.StopReason;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.RamDigest;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.snapshot.file.SnapshotFiles;
import dev.godwit.stream.StreamMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Restores machines from snapshots. Everything is checked before a machine is built, and a machine
 * that cannot be restored is destroyed: there is a whole one or none.
 *
 * <p>FILE is mapped, so that a machine of any size runs at once; it must not be changed in place
 * while the machine exists. Replacing it, as a new snapshot of that name does, is fine.
 */
public final class SnapshotRestorer {
  private final MachineFactory factory;
  private final InstantSource wallClock;

  /**
   * @param factory builds the machine
   * @param wallClock says how long ago the snapshot was taken
   */
  public SnapshotRestorer(MachineFactory factory, InstantSource wallClock) {
    this.factory = factory;
    this.wallClock = wallClock;
  }

  /**
   * Restores a machine.
   *
   * @param file FILE, FILE.kern or FILE.meta
   * @throws SnapshotException naming the file, and the place in it, that cannot be used
   * @throws dev.godwit.machine.MachineException if such a machine cannot be built here
   * @throws dev.godwit.memory.MemoryException if the host refuses the memory
   */
  public RestoredMachine restore(Path file, RestoreOptions options) {
    SnapshotFiles snapshot = SnapshotFiles.open(file);
    Object before = identity(snapshot);
    if (options.verifyRam()) {
      snapshot.verifyRam();
    }
    GuestMemory memory = snapshot.mapRam();
    Machine machine;
    try {
      if (!before.equals(identity(snapshot))) {
        throw new SnapshotException(
            SnapshotException.Code.CORRUPT,
            snapshot.files().ram() + " was replaced or changed while it was read: try again");
      }
      MachineConfig config = snapshot.manifest().config();
      machine = factory.build(options.name().map(config::withName).orElse(config), memory);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
    try {
      return new RestoredMachine(machine, snapshot.manifest(), restore(machine, snapshot, options));
    } catch (RuntimeException | Error e) {
      machine.destroy(StopReason.DESTROYED, "it could not be restored");
      throw e;
    }
  }

  private long restore(Machine machine, SnapshotFiles snapshot, RestoreOptions options) {
    snapshot.content().header().requireRestorableInto(machine.stateParts());
    StreamMetadata metadata = snapshot.content().metadata();
    try (VcpuLock lock = machine.lockAllVcpus()) {
      lock.restore(snapshot.content().sections());
      if (options.verifyRam() && metadata.ramDigest() != 0) {
        long digest = RamDigest.of(machine.memory());
        if (digest != metadata.ramDigest()) {
          throw new SnapshotException(
              SnapshotException.Code.CORRUPT,
              "the RAM in %s has the digest %016x; the machine's was %016x: it was not wholly written"
                  .formatted(snapshot.files().ram(), digest, metadata.ramDigest()));
        }
      }
      if (!options.catchUp() || metadata.paused()) {
        return 0;
      }
      long sinceMillis = Math.max(0, wallClock.millis() - metadata.takenAtMillis());
      long nanos = TimeUnit.MILLISECONDS.toNanos(sinceMillis);
      lock.skipTime(nanos);
      return nanos;
    }
  }

  /** What changes when one of the files is replaced or written to. */
  private static List<Object> identity(SnapshotFiles snapshot) {
    List<Object> identity = new ArrayList<>();
    List<Path> files = new ArrayList<>();
    for (SnapshotFiles one : snapshot.chain()) {
      files.addAll(List.of(one.files().ram(), one.files().kern()));
    }
    for (Path file : files) {
      try {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        identity.add(String.valueOf(attributes.fileKey()));
        identity.add(attributes.lastModifiedTime());
        identity.add(attributes.size());
      } catch (IOException e) {
        throw new SnapshotException(
            SnapshotException.Code.HOST_IO, file + " cannot be read: " + e.getMessage(), e);
      }
    }
    return identity;
  }
}
