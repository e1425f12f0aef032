package dev.godwit.guest;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Takes single files out of a {@code .deb}: {@code dpkg-deb} decompresses it to a tar stream, which
 * is read here (POSIX.1-2017, pax, "ustar Interchange Format"; long names as GNU tar writes them).
 */
final class DebArchive {
  private static final int BLOCK_BYTES = 512;
  private static final int NAME_BYTES = 100;
  private static final int SIZE_AT = 124;
  private static final int SIZE_BYTES = 12;
  private static final int TYPE_AT = 156;
  private static final int PREFIX_AT = 345;
  private static final int PREFIX_BYTES = 155;

  /** No file of a kernel or busybox package that is wanted here is larger. */
  private static final long MAX_FILE_BYTES = 256L << 20;

  private static final long MAX_LONG_NAME_BYTES = 4096;

  private DebArchive() {}

  /**
   * A file of a package.
   *
   * @param path its path in the package, without the leading "./"
   * @param content all of it
   */
  record Entry(String path, byte[] content) {}

  /**
   * Returns the first regular file of a package whose path is wanted.
   *
   * @param deb the package
   * @param wanted sees paths without the leading "./"
   */
  static Optional<Entry> find(Path deb, Predicate<String> wanted) {
    HostCommand.require("dpkg-deb", "it unpacks packages; apt-get install dpkg");
    Process process;
    try {
      process =
          new ProcessBuilder(List.of("dpkg-deb", "--fsys-tarfile", deb.toString()))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
    } catch (IOException e) {
      throw new GuestException(
          GuestException.Code.TOOL_MISSING, "cannot run dpkg-deb: " + e.getMessage(), e);
    }
    try (InputStream tar = new BufferedInputStream(process.getInputStream(), 1 << 16)) {
      return findInTar(new DataInputStream(tar), wanted);
    } catch (IOException e) {
      throw new GuestException(
          GuestException.Code.BAD_PACKAGE, "cannot unpack " + deb + ": " + e, e);
    } finally {
      process.destroy();
    }
  }

  private static Optional<Entry> findInTar(DataInputStream tar, Predicate<String> wanted)
      throws IOException {
    byte[] header = new byte[BLOCK_BYTES];
    String longName = "";
    while (true) {
      try {
        tar.readFully(header);
      } catch (EOFException e) {
        throw new IOException(
            "it ends in the middle, or dpkg-deb does not know it as a package", e);
      }
      if (header[0] == 0) {
        return Optional.empty();
      }
      long bytes = octal(header);
      char type = (char) header[TYPE_AT];
      if (type == 'L') {
        longName = new String(read(tar, bytes, MAX_LONG_NAME_BYTES), StandardCharsets.UTF_8);
        longName = longName.substring(0, Math.max(0, longName.indexOf('\0')));
        continue;
      }
      String path = longName.isEmpty() ? path(header) : longName;
      longName = "";
      if (path.startsWith("./")) {
        path = path.substring(2);
      }
      if ((type == '0' || type == '\0') && wanted.test(path)) {
        return Optional.of(new Entry(path, read(tar, bytes, MAX_FILE_BYTES)));
      }
      tar.skipNBytes(padded(bytes));
    }
  }

  private static byte[] read(DataInputStream tar, long bytes, long limit) throws IOException {
    if (bytes > limit) {
      throw new IOException(
          "a file in it has " + bytes + " bytes, more than the " + limit + " allowed");
    }
    byte[] content = new byte[(int) bytes];
    tar.readFully(content);
    tar.skipNBytes(padded(bytes) - bytes);
    return content;
  }

  private static long padded(long bytes) {
    return Math.ceilDiv(bytes, BLOCK_BYTES) * (long) BLOCK_BYTES;
  }

  private static String path(byte[] header) {
    String prefix = text(header, PREFIX_AT, PREFIX_BYTES);
    String name = text(header, 0, NAME_BYTES);
    return prefix.isEmpty() ? name : prefix + "/" + name;
  }

  private static String text(byte[] header, int at, int length) {
    int end = at;
    while (end < at + length && header[end] != 0) {
      end++;
    }
    return new String(header, at, end - at, StandardCharsets.UTF_8);
  }

  private static long octal(byte[] header) throws IOException {
    String digits = text(header, SIZE_AT, SIZE_BYTES).strip();
    try {
      return digits.isEmpty() ? 0 : Long.parseUnsignedLong(digits, 8);
    } catch (NumberFormatException e) {
      throw new IOException("a size in it is not a number: '" + digits + "'", e);
    }
  }
}
