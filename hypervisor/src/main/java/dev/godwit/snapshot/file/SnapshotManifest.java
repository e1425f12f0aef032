package dev.godwit.snapshot.file;

import dev.godwit.machine.MachineConfig;
import dev.godwit.memory.GuestMemory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What FILE.meta says, for people and tools. It comes last: without it there is no snapshot.
 *
 * @param snapshotId 16 bytes that all files of the snapshot have in common, in hexadecimal digits
 * @param producer who wrote it
 * @param takenAtMillis Unix time of the lock, in milliseconds
 * @param guestNanos guest nanoseconds since power-on at the lock
 * @param paused whether the machine was paused by its user, and stays so
 * @param suspended whether the machine ended when the snapshot was taken
 * @param config the machine
 * @param sections the sections, as {@code kind/instance vN}
 * @param ram FILE
 * @param kern FILE.kern
 * @param base what it builds on, if it is incremental; null if FILE has all pages
 */
public record SnapshotManifest(
    String snapshotId,
    String producer,
    long takenAtMillis,
    long guestNanos,
    boolean paused,
    boolean suspended,
    MachineConfig config,
    List<String> sections,
    RamFile ram,
    FileDigest kern,
    @Nullable Base base) {
  /**
   * Version of all three files' format: 2 is that of incremental snapshots, 1 that of full ones.
   */
  public static final int FORMAT_VERSION = 2;

  /** Copies the list. */
  public SnapshotManifest {
    sections = List.copyOf(sections);
  }

  /**
   * FILE.
   *
   * @param bytes its length, holes included
   * @param contentPages how many of its pages are not zero
   * @param checksumsSha256 {@link PageChecksums#sha256}
   */
  public record RamFile(long bytes, long contentPages, String checksumsSha256) {}

  /**
   * The snapshot that an incremental one builds on.
   *
   * @param file its FILE, by a path from the folder of this one's
   * @param snapshotId its id
   * @param kernSha256 the digest of its FILE.kern, which has the checksums of all its pages
   * @param ownPages how many pages the incremental one has itself
   */
  public record Base(String file, String snapshotId, String kernSha256, long ownPages) {}

  /** Returns the version of the format that it is written in. */
  public int formatVersion() {
    return base == null ? 1 : FORMAT_VERSION;
  }

  /**
   * Sums up a snapshot.
   *
   * @param base what it builds on; null if it is a full one
   */
  public static SnapshotManifest of(
      KernFile content, FileDigest kern, boolean suspended, @Nullable Base base) {
    return new SnapshotManifest(
        content.snapshotId(),
        content.header().producer(),
        content.metadata().takenAtMillis(),
        content.metadata().guestNanos(),
        content.metadata().paused(),
        suspended,
        content.header().config(),
        content.header().sections().stream()
            .map(name -> name.title() + " v" + name.version())
            .toList(),
        new RamFile(
            GuestMemory.topGpa(content.header().config().ramBytes()),
            content.checksums().contentPages(),
            content.checksums().sha256()),
        kern,
        base);
  }
}
