package dev.godwit.snapshot.file;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * What a file must be.
 *
 * @param bytes its length
 * @param sha256 its SHA-256, in lower-case hexadecimal digits
 */
public record FileDigest(long bytes, String sha256) {
  private static final int CHUNK_BYTES = 1 << 16;

  /** Reads a file. */
  static FileDigest of(Path file) throws IOException {
    MessageDigest digest = Digests.sha256();
    long bytes = 0;
    try (InputStream in = Files.newInputStream(file)) {
      byte[] chunk = new byte[CHUNK_BYTES];
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        digest.update(chunk, 0, n);
        bytes += n;
      }
    }
    return new FileDigest(bytes, HexFormat.of().formatHex(digest.digest()));
  }

  /** Says whether the file is there and is this. */
  boolean matches(Path file) {
    try {
      return Files.isRegularFile(file) && Files.size(file) == bytes && of(file).equals(this);
    } catch (IOException e) {
      return false;
    }
  }
}
