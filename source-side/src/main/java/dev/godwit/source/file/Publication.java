package dev.godwit.source.file;

import dev.godwit.machine.MachineException;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.snapshot.file.KernFile;
import dev.godwit.snapshot.file.ManifestCodec;
import dev.godwit.snapshot.file.SnapshotManifest;
import dev.godwit.snapshot.file.SnapshotPaths;
import dev.godwit.source.MigrationException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Gives three files that are complete and on disk their names, in place of an older snapshot's,
 * such that at every moment one whole snapshot can be found.
 *
 * <p>Three renames are not one. So the old data files are put aside first, and the manifest is
 * renamed last: until then the old manifest stands, and its data files are found under their own
 * names or aside ({@link SnapshotPaths#locate}); from then on the new one does. A writer that was
 * killed between is tidied up by the next one, which first puts back what belongs to the manifest
 * that stands.
 */
final class Publication {
  private final SnapshotPaths paths;
  private final DiskOperations disk;
  private boolean first;
  private boolean published;

  Publication(SnapshotPaths paths, DiskOperations disk) {
    this.paths = paths;
    this.disk = disk;
  }

  /**
   * Puts back what a killed writer put aside, removes what it left, and makes sure that nothing but
   * a snapshot will be replaced.
   *
   * @throws MigrationException {@code HOST_IO} if something else has one of the names
   */
  void tidyUp() throws IOException {
    if (Files.exists(paths.meta())) {
      SnapshotPaths.DataFiles standing = paths.locate(readStanding());
      // RAM first: as long as the kern file lies aside, so may RAM.
      if (standing.ram().equals(SnapshotPaths.old(paths.ram()))) {
        disk.move(standing.ram(), paths.ram());
        disk.syncFolder(paths.folder());
      }
      if (standing.kern().equals(SnapshotPaths.old(paths.kern()))) {
        disk.move(standing.kern(), paths.kern());
      }
      removeOld();
    } else if (Files.exists(paths.ram())
        && !KernFile.isOne(paths.kern())
        && !KernFile.isOne(SnapshotPaths.partial(paths.kern()))) {
      throw taken(paths.ram() + " is there and is no snapshot");
    }
    removePartial();
    disk.syncFolder(paths.folder());
  }

  private SnapshotManifest readStanding() {
    try {
      return ManifestCodec.read(paths.meta());
    } catch (SnapshotException | MachineException e) {
      throw taken("an older snapshot there cannot be read (" + e.getMessage() + ")");
    }
  }

  private static MigrationException taken(String why) {
    return new MigrationException(
        MigrationException.Code.HOST_IO,
        why + "; nothing was overwritten: choose another name, or remove it first");
  }

  /** Removes files that were not published. */
  void removePartial() throws IOException {
    disk.delete(SnapshotPaths.partial(paths.ram()));
    disk.delete(SnapshotPaths.partial(paths.kern()));
    disk.delete(SnapshotPaths.partial(paths.meta()));
  }

  /** Publishes. If this throws, call {@link #rollBack}, unless {@link #isPublished}. */
  void publish() throws IOException {
    Path folder = paths.folder();
    first = !Files.exists(paths.meta());
    if (!first) {
      putAside(paths.ram());
      putAside(paths.kern());
      disk.syncFolder(folder);
    }
    disk.move(SnapshotPaths.partial(paths.ram()), paths.ram());
    disk.move(SnapshotPaths.partial(paths.kern()), paths.kern());
    disk.syncFolder(folder);
    disk.move(SnapshotPaths.partial(paths.meta()), paths.meta());
    published = true;
    disk.syncFolder(folder);
  }

  /** Says whether it is the new snapshot that is found now. */
  boolean isPublished() {
    return published;
  }

  /** Makes the older snapshot, or none, what is found under its own names. */
  void rollBack() throws IOException {
    if (first) {
      disk.delete(paths.ram());
      disk.delete(paths.kern());
      removePartial();
    } else {
      tidyUp();
    }
  }

  private void putAside(Path file) throws IOException {
    if (Files.exists(file)) {
      disk.move(file, SnapshotPaths.old(file));
    }
  }

  /** Removes the older snapshot's files, once the new one is found. */
  void removeOld() throws IOException {
    disk.delete(SnapshotPaths.old(paths.ram()));
    disk.delete(SnapshotPaths.old(paths.kern()));
  }
}
