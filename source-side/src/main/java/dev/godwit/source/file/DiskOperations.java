package dev.godwit.source.file;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** The few things that are done to names on disk; tests stop a writer between any two of them. */
interface DiskOperations {
  /** What the host does. */
  DiskOperations HOST = new DiskOperations() {};

  /** Renames, replacing what is there; wholly or not at all. */
  default void move(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Removes a file if it is there. */
  default void delete(Path file) throws IOException {
    Files.deleteIfExists(file);
  }

  /** Returns when a file's content survives a power cut. */
  default void syncFile(FileChannel file) throws IOException {
    file.force(true);
  }

  /** Returns when the names in a folder survive a power cut. */
  default void syncFolder(Path folder) throws IOException {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    }
  }
}
