package dev.godwit.snapshot.file;

import dev.godwit.memory.GuestMemory;
import dev.godwit.snapshot.SnapshotException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A snapshot whose files have been found, read and checked against each other, but for the pages:
 * {@link #verifyRam} does that.
 *
 * @param manifest FILE.meta
 * @param content FILE.kern
 * @param files where the two data files are
 */
public record SnapshotFiles(
    SnapshotManifest manifest, KernFile content, SnapshotPaths.DataFiles files) {

  /**
   * Opens a snapshot.
   *
   * @param file FILE, FILE.kern or FILE.meta
   * @throws SnapshotException naming the file and what is wrong with it
   * @throws dev.godwit.machine.MachineException {@code BAD_CONFIG}
   */
  public static SnapshotFiles open(Path file) {
    SnapshotPaths paths = SnapshotPaths.containing(file);
    if (!Files.exists(paths.ram()) && !Files.exists(paths.kern()) && !Files.exists(paths.meta())) {
      throw new SnapshotException(
          SnapshotException.Code.NOT_A_SNAPSHOT,
          "there is no snapshot at " + paths.ram() + ": no such file");
    }
    SnapshotManifest manifest = ManifestCodec.read(paths.meta());
    SnapshotPaths.DataFiles files = paths.locate(manifest);
    requireFile(files.kern(), manifest.kern().bytes());
    requireFile(files.ram(), manifest.ram().bytes());
    // First what is wrong with it by itself, which says more than that its digest differs.
    KernFile content = KernFile.read(files.kern());
    if (!manifest.kern().matches(files.kern())
        || !manifest.snapshotId().equals(content.snapshotId())
        || !manifest.config().equals(content.header().config())
        || !manifest.ram().checksumsSha256().equals(content.checksums().sha256())) {
      throw new SnapshotException(
          SnapshotException.Code.CORRUPT,
          "%s is not the file that %s speaks of: they are of two snapshots, or it was changed"
              .formatted(files.kern(), paths.meta()));
    }
    return new SnapshotFiles(manifest, content, files);
  }

  private static void requireFile(Path file, long bytes) {
    long there;
    try {
      there = Files.size(file);
    } catch (IOException e) {
      throw SnapshotIo.cannotRead(file, e);
    }
    if (there != bytes) {
      throw new SnapshotException(
          there < bytes ? SnapshotException.Code.TRUNCATED : SnapshotException.Code.CORRUPT,
          "%s has %d bytes, but was written with %d: it %s"
              .formatted(
                  file, there, bytes, there < bytes ? "is cut off" : "goes on after its end"));
    }
  }

  /**
   * Reads all of FILE.
   *
   * @throws SnapshotException {@code CORRUPT}, naming the first damaged page
   */
  public void verifyRam() {
    content.checksums().verify(files.ram());
  }

  /**
   * Maps FILE as a machine's RAM, privately: it is read as pages are touched, and never written.
   *
   * @throws dev.godwit.memory.MemoryException if the host refuses
   */
  public GuestMemory mapRam() {
    return GuestMemory.mapFile(files.ram(), manifest.config().ramBytes());
  }
}
