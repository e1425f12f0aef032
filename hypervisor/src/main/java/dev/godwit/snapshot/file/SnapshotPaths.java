package dev.godwit.snapshot.file;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The names of a snapshot's files.
 *
 * @param ram FILE itself: guest RAM at offset = gpa
 */
public record SnapshotPaths(Path ram) {
  private static final String KERN = ".kern";
  private static final String META = ".meta";

  /** While it is being written. */
  private static final String PARTIAL = ".godwit-part";

  /** The snapshot before, as long as the new one is not whole. */
  private static final String OLD = ".godwit-old";

  private static final String LOCK = ".godwit-lock";

  /** Returns the snapshot that a file belongs to: FILE, FILE.kern or FILE.meta. */
  public static SnapshotPaths containing(Path file) {
    for (String suffix : List.of(KERN, META)) {
      String name = String.valueOf(file.getFileName());
      if (name.endsWith(suffix) && name.length() > suffix.length()) {
        return new SnapshotPaths(
            file.resolveSibling(name.substring(0, name.length() - suffix.length())));
      }
    }
    return new SnapshotPaths(file);
  }

  /** Says whether FILE may be the name of a snapshot: it is not one that another's file has. */
  public boolean isValid() {
    Path name = ram.getFileName();
    return name != null
        && !name.toString().isEmpty()
        && List.of(KERN, META, PARTIAL, OLD, LOCK).stream().noneMatch(name.toString()::endsWith);
  }

  /** Returns FILE.kern: header, checksums, sections and metadata. */
  public Path kern() {
    return sibling(KERN);
  }

  /** Returns FILE.meta: the manifest. */
  public Path meta() {
    return sibling(META);
  }

  /** Returns the file that keeps a second writer out. */
  public Path lock() {
    return sibling(LOCK);
  }

  /** Returns the folder. */
  public Path folder() {
    Path parent = ram.toAbsolutePath().getParent();
    return parent == null ? ram.toAbsolutePath() : parent;
  }

  /** Returns the name that one of the files has while it is being written. */
  public static Path partial(Path file) {
    return file.resolveSibling(file.getFileName() + PARTIAL);
  }

  /** Returns the name that the snapshot before has, as long as the new one is not whole. */
  public static Path old(Path file) {
    return file.resolveSibling(file.getFileName() + OLD);
  }

  private Path sibling(String suffix) {
    return ram.resolveSibling(ram.getFileName() + suffix);
  }

  /**
   * The files that belong to a manifest.
   *
   * @param ram RAM
   * @param kern the rest
   */
  public record DataFiles(Path ram, Path kern) {}

  /**
   * Finds the files that a manifest speaks of. A writer that was killed between two renames leaves
   * them, or one of them, under the name {@link #old}; the order of its renames (RAM before kern,
   * each aside before the new one comes in, manifest last) is what makes this sure: a new RAM file
   * is never in place while the old kern file is.
   */
  public DataFiles locate(SnapshotManifest manifest) {
    Path oldRam = old(ram);
    Path oldKern = old(kern());
    if (!manifest.kern().matches(kern()) && manifest.kern().matches(oldKern)) {
      return new DataFiles(Files.exists(oldRam) ? oldRam : ram, oldKern);
    }
    return new DataFiles(!Files.exists(ram) && Files.exists(oldRam) ? oldRam : ram, kern());
  }
}
