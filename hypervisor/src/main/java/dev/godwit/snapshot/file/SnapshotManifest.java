package dev.godwit.snapshot.file;

import dev.godwit.machine.MachineConfig;
import dev.godwit.memory.GuestMemory;
import java.util.List;

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
    FileDigest kern) {
  /** Version of all three files' format. */
  public static final int FORMAT_VERSION = 1;

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

  /** Sums up a snapshot. */
  public static SnapshotManifest of(KernFile content, FileDigest kern, boolean suspended) {
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
        kern);
  }
}
