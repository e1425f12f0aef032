package dev.godwit.snapshot.file;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.snapshot.SnapshotException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A snapshot whose files have been found, read and checked against each other, but for the pages:
 * {@link #verifyRam} does that.
 *
 * @param manifest FILE.meta
 * @param content FILE.kern
 * @param files where the two data files are
 * @param base the snapshot it builds on, found and checked likewise, if it is incremental; else
 *     null
 */
public record SnapshotFiles(
    SnapshotManifest manifest,
    KernFile content,
    SnapshotPaths.DataFiles files,
    @Nullable SnapshotFiles base) {
  /** Longer chains would take long to follow, and are most likely a mistake. */
  private static final int MAX_CHAIN = 256;

  /**
   * Opens a snapshot, and those that it builds on.
   *
   * @param file FILE, FILE.kern or FILE.meta
   * @throws SnapshotException naming the file and what is wrong with it
   * @throws dev.godwit.machine.MachineException {@code BAD_CONFIG}
   */
  public static SnapshotFiles open(Path file) {
    return open(file, MAX_CHAIN);
  }

  private static SnapshotFiles open(Path file, int chain) {
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
    return new SnapshotFiles(
        manifest, content, files, openBase(paths, manifest, content.own(), chain));
  }

  /** Returns where the snapshot is that another builds on. */
  static Path baseFile(SnapshotPaths paths, SnapshotManifest.Base base) {
    return paths.folder().resolve(base.file()).normalize();
  }

  private static @Nullable SnapshotFiles openBase(
      SnapshotPaths paths, SnapshotManifest manifest, @Nullable OwnPages own, int chain) {
    SnapshotManifest.Base known = manifest.base();
    if ((known == null) != (own == null)
        || (known != null && own != null && !known.snapshotId().equals(own.baseId()))) {
      throw new SnapshotException(
          SnapshotException.Code.CORRUPT,
          "%s and %s disagree about what the snapshot builds on"
              .formatted(paths.meta(), paths.kern()));
    }
    if (known == null) {
      return null;
    }
    Path file = baseFile(paths, known);
    if (chain == 0) {
      throw new SnapshotException(
          SnapshotException.Code.CORRUPT,
          "%s builds on more than %d snapshots, or on itself".formatted(paths.ram(), MAX_CHAIN));
    }
    SnapshotFiles base;
    try {
      base = open(file, chain - 1);
    } catch (SnapshotException e) {
      throw new SnapshotException(
          e.code() == SnapshotException.Code.NOT_A_SNAPSHOT
              ? SnapshotException.Code.MISSING_BASE
              : e.code(),
          "%s holds only what changed since %s, which cannot be used: %s"
              .formatted(paths.ram(), file, e.getMessage()),
          e);
    }
    if (!base.manifest().snapshotId().equals(known.snapshotId())
        || !base.manifest().kern().sha256().equals(known.kernSha256())
        || base.manifest().ram().bytes() != manifest.ram().bytes()) {
      throw new SnapshotException(
          SnapshotException.Code.MISSING_BASE,
          "%s holds only what changed since the snapshot %s, but %s is another snapshot now (%s): put back the one it was taken of"
              .formatted(paths.ram(), known.snapshotId(), file, base.manifest().snapshotId()));
    }
    return base;
  }

  /** Returns this and the snapshots that it builds on, the full one last. */
  public List<SnapshotFiles> chain() {
    List<SnapshotFiles> chain = new ArrayList<>();
    for (SnapshotFiles one = this; one != null; one = one.base()) {
      chain.add(one);
    }
    return chain;
  }

  private RamLayers layers() {
    List<RamLayers.Part> parts = new ArrayList<>();
    for (SnapshotFiles one : chain().reversed()) {
      OwnPages own = one.content().own();
      parts.add(new RamLayers.Part(one.files().ram(), own == null ? null : own.pages()));
    }
    return RamLayers.open(parts);
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
   * Reads all of RAM.
   *
   * @throws SnapshotException {@code CORRUPT}, naming the first damaged page and its file
   */
  public void verifyRam() {
    try (RamLayers layers = layers()) {
      content.checksums().verify(layers);
    }
  }

  /**
   * Maps FILE as a machine's RAM, privately: it is read as pages are touched, and never written. Of
   * an incremental snapshot it is the full one's FILE that is mapped, and what changed since is
   * copied over it. What is written from then on is known as changed since this snapshot.
   *
   * @throws SnapshotException {@code HOST_IO}
   * @throws dev.godwit.memory.MemoryException if the host refuses
   */
  public GuestMemory mapRam() {
    GuestMemory memory =
        GuestMemory.mapFile(chain().getLast().files().ram(), manifest.config().ramBytes());
    try {
      if (base != null) {
        try (RamLayers layers = layers()) {
          layers.copyLaterInto(memory);
        }
      }
      memory.dirty().harvest(new PageSet(memory.framePages()));
      memory.dirty().log().turn();
      memory.dirty().log().keep(manifest.snapshotId());
      return memory;
    } catch (IOException e) {
      memory.close();
      throw SnapshotIo.cannotRead(files.ram(), e);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }
}
