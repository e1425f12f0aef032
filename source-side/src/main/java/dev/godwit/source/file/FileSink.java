package dev.godwit.source.file;

import dev.godwit.machine.MachineException;
import dev.godwit.memory.ChangeLog;
import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.snapshot.Section;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.snapshot.file.FileDigest;
import dev.godwit.snapshot.file.KernFile;
import dev.godwit.snapshot.file.ManifestCodec;
import dev.godwit.snapshot.file.OwnPages;
import dev.godwit.snapshot.file.PageChecksums;
import dev.godwit.snapshot.file.SnapshotFiles;
import dev.godwit.snapshot.file.SnapshotManifest;
import dev.godwit.snapshot.file.SnapshotPaths;
import dev.godwit.source.Afterwards;
import dev.godwit.source.HandoverAnswer;
import dev.godwit.source.MigrationException;
import dev.godwit.source.PageFeed;
import dev.godwit.source.StateSink;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import dev.godwit.wire.PageRun;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.channels.Channels;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A snapshot: FILE, FILE.kern and FILE.meta.
 *
 * <p>Everything is written under other names first; {@link #commit} makes it durable and gives it
 * its names. Up to there an older snapshot of the same name is untouched, and whatever fails
 * removes only what this sink has written. Under the lock of a live snapshot nothing but the last
 * pages is written, and nothing is waited for.
 */
public final class FileSink implements StateSink {
  private static final Logger LOG = LoggerFactory.getLogger(FileSink.class);
  private static final int ID_BYTES = 16;
  private static final int BUFFER_BYTES = 1 << 16;

  private final SnapshotPaths paths;
  private final boolean suspended;
  private final @Nullable Path baseFile;
  private final DiskOperations disk;
  private final Publication publication;
  private @Nullable SnapshotLock lock;
  private @Nullable FileChannel ramFile;
  private @Nullable RamWriter ram;
  private @Nullable StreamHeader header;
  private @Nullable KernFile content;
  private @Nullable SnapshotFiles base;
  private @Nullable ChangeLog changes;
  private boolean taken;

  /**
   * @param file FILE; its folder exists
   * @param afterwards whether the machine goes on or is suspended, for the manifest
   */
  public FileSink(Path file, Afterwards afterwards) {
    this(file, afterwards, null);
  }

  /**
   * @param file FILE; its folder exists
   * @param afterwards whether the machine goes on or is suspended, for the manifest
   * @param baseFile FILE of the snapshot that this one is to build on; null for a full one
   */
  public FileSink(Path file, Afterwards afterwards, @Nullable Path baseFile) {
    this(file, afterwards, baseFile, DiskOperations.HOST);
  }

  FileSink(Path file, Afterwards afterwards, @Nullable Path baseFile, DiskOperations disk) {
    this.baseFile = baseFile == null ? null : baseFile.toAbsolutePath().normalize();
    this.paths = new SnapshotPaths(file.toAbsolutePath().normalize());
    this.suspended = afterwards == Afterwards.SUSPENDED;
    this.disk = disk;
    this.publication = new Publication(paths, disk);
  }

  @Override
  public boolean takesLz4() {
    return false;
  }

  @Override
  public boolean takesDelta() {
    return false;
  }

  @Override
  public void begin(StreamHeader newHeader) {
    if (!paths.isValid()) {
      throw new MigrationException(
          MigrationException.Code.HOST_IO,
          paths.ram() + " cannot be a snapshot's name: its ending is one of a snapshot's files");
    }
    header = newHeader;
    if (baseFile != null) {
      base = openBase(baseFile, newHeader);
    }
    long fileBytes = GuestMemory.topGpa(newHeader.config().ramBytes());
    try {
      lock = SnapshotLock.take(paths.lock());
      publication.tidyUp();
      FileChannel channel = create(SnapshotPaths.partial(paths.ram()));
      ramFile = channel;
      try (RandomAccessFile file =
          new RandomAccessFile(SnapshotPaths.partial(paths.ram()).toFile(), "rw")) {
        file.setLength(fileBytes);
      }
      ram =
          new RamWriter(
              channel,
              base == null ? PageChecksums.ofZeros(fileBytes) : base.content().checksums().copy());
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private SnapshotFiles openBase(Path file, StreamHeader header) {
    SnapshotFiles found;
    try {
      found = SnapshotFiles.open(file);
    } catch (SnapshotException | MachineException e) {
      throw new MigrationException(
          MigrationException.Code.UNKNOWN_BASE,
          "a snapshot of what changed since %s needs that one, which cannot be used: %s"
              .formatted(file, e.getMessage()),
          e);
    }
    if (found.chain().stream().anyMatch(one -> one.files().ram().equals(paths.ram()))) {
      throw new MigrationException(
          MigrationException.Code.UNKNOWN_BASE,
          "%s would take the place of what it builds on: choose another name"
              .formatted(paths.ram()));
    }
    if (found.manifest().config().ramBytes() != header.config().ramBytes()) {
      throw new MigrationException(
          MigrationException.Code.UNKNOWN_BASE,
          file + " is a snapshot of a machine with other RAM");
    }
    return found;
  }

  @Override
  public PageSet firstPages(GuestMemory memory) {
    ChangeLog log = memory.dirty().log();
    changes = log;
    SnapshotFiles known = base;
    if (known == null) {
      return memory.allPages();
    }
    PageSet since = log.since(known.manifest().snapshotId());
    if (since == null) {
      throw new MigrationException(
          MigrationException.Code.UNKNOWN_BASE,
          "this machine does not know what has changed since %s was taken: it knows that only of the last snapshot that was taken of it, or that it was restored from, in this process; take a full one, without --base"
              .formatted(known.files().ram()));
    }
    return since;
  }

  /** Guest RAM is its owner's business: nobody else may read it. */
  private static FileChannel create(Path file) throws IOException {
    return FileChannel.open(
        file,
        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
  }

  @Override
  public void sendPages(List<? extends PageFeed> feeds) {
    feeds.forEach(this::sendPages);
  }

  private void sendPages(PageFeed feed) {
    RamWriter writer = open(ram);
    try {
      for (List<PageRun> runs = feed.next(); runs != null; runs = feed.next()) {
        for (PageRun run : runs) {
          writer.write(run);
        }
        long pauseNanos = feed.pauseNanos();
        if (pauseNanos > 0) {
          LockSupport.parkNanos(this, pauseNanos);
        }
      }
      if (suspended && !feed.last()) {
        // What is on disk before the machine is stopped need not be waited for while it stands.
        open(ramFile).force(false);
      }
    } catch (IOException e) {
      throw failure(e);
    }
  }

  @Override
  public void prepare(List<Section> sections, StreamMetadata metadata) {
    byte[] id = new byte[ID_BYTES];
    new SecureRandom().nextBytes(id);
    SnapshotFiles known = base;
    content =
        new KernFile(
            open(header),
            HexFormat.of().formatHex(id),
            open(ram).checksums(),
            known == null ? null : new OwnPages(known.manifest().snapshotId(), open(ram).own()),
            sections,
            metadata);
    // The machine stands, and all that was dirty is in the file.
    open(changes).turn();
  }

  private SnapshotManifest.@Nullable Base manifestBase() {
    SnapshotFiles known = base;
    if (known == null) {
      return null;
    }
    Path file = open(baseFile);
    return new SnapshotManifest.Base(
        String.valueOf(paths.folder().equals(file.getParent()) ? file.getFileName() : file),
        known.manifest().snapshotId(),
        known.manifest().kern().sha256(),
        open(ram).own().count());
  }

  /**
   * A live snapshot's machine goes on before {@link #commit}; one that is suspended waits for the
   * disk, however long that takes, and would gain nothing from running meanwhile.
   */
  @Override
  public long fixedPauseNanos() {
    return 0;
  }

  @Override
  public HandoverAnswer commit(LongSupplier stoppedNanos) {
    try {
      disk.syncFile(open(ramFile));
      FileDigest kern = writeKern(open(content));
      writeFile(
          SnapshotPaths.partial(paths.meta()),
          ManifestCodec.write(SnapshotManifest.of(open(content), kern, suspended, manifestBase())));
      publication.publish();
      taken = true;
      open(changes).keep(open(content).snapshotId());
      return new HandoverAnswer.Taken();
    } catch (IOException | RuntimeException e) {
      return refuse(e);
    }
  }

  private HandoverAnswer.Never refuse(Exception e) {
    if (publication.isPublished()) {
      taken = true;
      return new HandoverAnswer.Never(
          MigrationException.Code.HOST_IO,
          "the snapshot %s is complete but may not survive a power cut, because its folder could"
                  .formatted(paths.ram())
              + " not be synced: "
              + e.getMessage());
    }
    if (e instanceof IOException io) {
      return new HandoverAnswer.Never(
          MigrationException.Code.HOST_IO, String.valueOf(failure(io).getMessage()));
    }
    LOG.error("writing the snapshot {} failed", paths.ram(), e);
    return new HandoverAnswer.Never(
        MigrationException.Code.INTERNAL, "this should not happen: " + e);
  }

  private FileDigest writeKern(KernFile kern) throws IOException {
    try (FileChannel channel = create(SnapshotPaths.partial(paths.kern()));
        OutputStream out =
            new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER_BYTES)) {
      FileDigest digest = kern.write(out);
      out.flush();
      disk.syncFile(channel);
      return digest;
    }
  }

  private void writeFile(Path file, byte[] bytes) throws IOException {
    try (FileChannel channel = create(file);
        OutputStream out = Channels.newOutputStream(channel)) {
      out.write(bytes);
      disk.syncFile(channel);
    }
  }

  @Override
  public HandoverAnswer query() {
    // Never asked: commit does not answer Unknown.
    return taken
        ? new HandoverAnswer.Taken()
        : new HandoverAnswer.Never(
            MigrationException.Code.INTERNAL, "the snapshot was not published");
  }

  @Override
  public void release() {
    try {
      publication.removeOld();
    } catch (IOException e) {
      LOG.warn("the older snapshot's files beside {} cannot be removed", paths.ram(), e);
    }
  }

  @Override
  public void abort(MigrationException why) {
    ChangeLog log = changes;
    if (log != null) {
      log.drop();
    }
    if (ramFile == null) {
      return; // Nothing was written; what is there is another's.
    }
    try {
      if (taken) {
        publication.removeOld();
      } else {
        publication.rollBack();
      }
    } catch (IOException | RuntimeException e) {
      LOG.warn("what was written of the snapshot {} cannot be removed", paths.ram(), e);
    }
  }

  @Override
  public void close() {
    for (AutoCloseable held : new @Nullable AutoCloseable[] {ramFile, lock}) {
      if (held != null) {
        try {
          held.close();
        } catch (Exception e) {
          LOG.warn("closing {}", paths.ram(), e);
        }
      }
    }
  }

  private static <T> T open(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException("the sink's methods were called out of order");
    }
    return part;
  }

  private MigrationException failure(IOException e) {
    if (e instanceof ClosedByInterruptException) {
      return new MigrationException(
          MigrationException.Code.CANCELLED, "interrupted while writing " + paths.ram(), e);
    }
    String why =
        switch (e) {
          case AccessDeniedException denied -> "permission denied";
          case NoSuchFileException missing when !Files.isDirectory(paths.folder()) ->
              "the folder " + paths.folder() + " does not exist";
          case FileSystemException system when system.getReason() != null -> system.getReason();
          default -> String.valueOf(e.getMessage());
        };
    return new MigrationException(
        MigrationException.Code.HOST_IO,
        "the snapshot %s cannot be written: %s; the machine goes on, and an older snapshot of that"
                .formatted(paths.ram(), why)
            + " name is as it was",
        e);
  }
}
