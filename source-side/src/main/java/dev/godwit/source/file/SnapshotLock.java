package dev.godwit.source.file;

import dev.godwit.source.MigrationException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a second writer of the same snapshot out, also one of another process. The lock is the
 * kernel's and ends with its process; the file is removed while the lock is held.
 */
final class SnapshotLock implements AutoCloseable {
  private static final int ATTEMPTS = 10;

  private final Path file;
  private final FileChannel channel;

  private SnapshotLock(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /**
   * Takes the lock.
   *
   * @throws MigrationException {@code HOST_IO} if another has it
   */
  static SnapshotLock take(Path file) throws IOException {
    for (int i = 0; i < ATTEMPTS; i++) {
      SnapshotLock lock = attempt(file);
      if (lock != null) {
        return lock;
      }
    }
    throw busy(file);
  }

  private static MigrationException busy(Path file) {
    return new MigrationException(
        MigrationException.Code.HOST_IO,
        "another snapshot is being written under this name (it holds "
            + file
            + "): wait for it, or choose another name");
  }

  /** Returns null if the file was removed by its last holder between opening and locking it. */
  private static @Nullable SnapshotLock attempt(Path file) throws IOException {
    try {
      Files.createFile(file);
    } catch (FileAlreadyExistsException e) {
      // Its holder is at work, or was killed.
    }
    FileChannel channel;
    Object opened;
    try {
      opened = key(file);
      channel = FileChannel.open(file, StandardOpenOption.WRITE);
    } catch (NoSuchFileException e) {
      return null;
    }
    boolean held = false;
    try {
      FileLock lock = channel.tryLock();
      if (lock == null) {
        throw busy(file);
      }
      held = Objects.equals(opened, key(file));
      return held ? new SnapshotLock(file, channel) : null;
    } catch (OverlappingFileLockException e) {
      throw busy(file);
    } catch (NoSuchFileException e) {
      return null;
    } finally {
      if (!held) {
        channel.close();
      }
    }
  }

  private static @Nullable Object key(Path file) throws IOException {
    return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
  }

  @Override
  public void close() throws IOException {
    try {
      Files.deleteIfExists(file);
    } finally {
      channel.close();
    }
  }
}
