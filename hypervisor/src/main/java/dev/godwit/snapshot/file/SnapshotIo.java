package dev.godwit.snapshot.file;

import dev.godwit.snapshot.SnapshotException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Failures of the host's files, in words. */
final class SnapshotIo {
  private SnapshotIo() {}

  static SnapshotException cannotRead(Path file, IOException e) {
    return switch (e) {
      case NoSuchFileException missing ->
          new SnapshotException(
              SnapshotException.Code.TRUNCATED,
              file + " is missing: a snapshot is FILE, FILE.kern and FILE.meta together",
              e);
      case AccessDeniedException denied ->
          new SnapshotException(
              SnapshotException.Code.HOST_IO, file + " cannot be read: permission denied", e);
      default ->
          new SnapshotException(
              SnapshotException.Code.HOST_IO, file + " cannot be read: " + e.getMessage(), e);
    };
  }
}
