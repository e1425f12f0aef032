package dev.godwit.guest;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/**
 * Writes a cpio archive in the "newc" form, which is what the kernel unpacks as an initramfs
 * (kernel documentation, driver-api/early-userspace/buffer-format).
 *
 * <p>Equal calls give equal bytes: owner root, times zero, inode numbers in order of appearance.
 * Folders come before what is in them; a name comes once. Not safe for use by several threads.
 */
public final class CpioWriter implements AutoCloseable {
  /** File type bits of {@code st_mode}. */
  private static final int FOLDER = 0040000;

  private static final int REGULAR = 0100000;
  private static final int SYMLINK = 0120000;
  private static final int CHARACTER_DEVICE = 0020000;

  private static final int HEADER_BYTES = 110;
  private static final int ALIGNMENT_BYTES = 4;
  private static final int ARCHIVE_ALIGNMENT_BYTES = 512;
  private static final int MAX_NAME_BYTES = 4095;
  private static final String TRAILER = "TRAILER!!!";

  private final OutputStream out;
  private final Set<String> names = new HashSet<>();
  private final Set<String> folders = new HashSet<>();
  private long writtenBytes;
  private int nextInode = 1;
  private boolean closed;

  /**
   * @param out where the archive goes; closed with this writer
   */
  public CpioWriter(OutputStream out) {
    this.out = out;
    folders.add("");
  }

  /**
   * Adds a folder.
   *
   * @param name path without a leading slash, its parent added before
   * @param permissions the low twelve bits of the mode
   */
  public void folder(String name, int permissions) throws IOException {
    entry(name, FOLDER, permissions, 2, 0, 0, new byte[0]);
    folders.add(name);
  }

  /**
   * Adds a regular file.
   *
   * @param name path without a leading slash
   * @param permissions the low twelve bits of the mode
   * @param content all of its bytes
   */
  public void file(String name, int permissions, byte[] content) throws IOException {
    entry(name, REGULAR, permissions, 1, 0, 0, content);
  }

  /**
   * Adds a symbolic link.
   *
   * @param name path without a leading slash
   * @param target what it points to
   */
  public void symlink(String name, String target) throws IOException {
    if (target.isEmpty()) {
      throw new IllegalArgumentException("the link '" + name + "' points to nothing");
    }
    entry(name, SYMLINK, 0777, 1, 0, 0, target.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Adds a character device.
   *
   * @param name path without a leading slash
   * @param permissions the low twelve bits of the mode
   */
  public void characterDevice(String name, int permissions, int major, int minor)
      throws IOException {
    entry(name, CHARACTER_DEVICE, permissions, 1, major, minor, new byte[0]);
  }

  /** Ends the archive and closes the stream. */
  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    closed = true;
    try (out) {
      header(TRAILER, 0, 0, 1, 0, 0, 0);
      pad(ARCHIVE_ALIGNMENT_BYTES);
    }
  }

  private void entry(
      String name, int type, int permissions, int links, int major, int minor, byte[] content)
      throws IOException {
    if (closed) {
      throw new IllegalStateException("the archive is closed");
    }
    check(name, permissions);
    header(name, nextInode++, type | permissions, links, major, minor, content.length);
    write(content);
    pad(ALIGNMENT_BYTES);
  }

  private void check(String name, int permissions) {
    int slash = name.lastIndexOf('/');
    String parent = slash < 0 ? "" : name.substring(0, slash);
    String last = name.substring(slash + 1);
    if (name.startsWith("/")
        || last.isEmpty()
        || last.equals(".")
        || last.equals("..")
        || name.indexOf('\0') >= 0
        || name.equals(TRAILER)) {
      throw new IllegalArgumentException("not a name for an archive: '" + name + "'");
    }
    if (name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME_BYTES) {
      throw new IllegalArgumentException(
          "longer than " + MAX_NAME_BYTES + " bytes: '" + name + "'");
    }
    if ((permissions & ~07777) != 0) {
      throw new IllegalArgumentException("permissions of '" + name + "' are more than twelve bits");
    }
    if (!folders.contains(parent)) {
      throw new IllegalArgumentException("the folder of '" + name + "' was not added before it");
    }
    if (!names.add(name)) {
      throw new IllegalArgumentException("'" + name + "' was added before");
    }
  }

  /** Thirteen fields of eight hexadecimal digits behind the magic, then the name, ended by NUL. */
  private void header(String name, int inode, int mode, int links, int major, int minor, int bytes)
      throws IOException {
    byte[] nameBytes = (name + '\0').getBytes(StandardCharsets.UTF_8);
    int owner = 0;
    int group = 0;
    int modified = 0;
    int checksum = 0; // is for magic 070702 only
    int[] fields = {
      inode,
      mode,
      owner,
      group,
      links,
      modified,
      bytes,
      0,
      0,
      major,
      minor,
      nameBytes.length,
      checksum
    };
    StringBuilder text = new StringBuilder(HEADER_BYTES).append("070701");
    for (int field : fields) {
      text.append("%08x".formatted(field));
    }
    write(text.toString().getBytes(StandardCharsets.US_ASCII));
    write(nameBytes);
    pad(ALIGNMENT_BYTES);
  }

  private void write(byte[] bytes) throws IOException {
    out.write(bytes);
    writtenBytes += bytes.length;
  }

  private void pad(int alignment) throws IOException {
    write(new byte[(int) Math.floorMod(-writtenBytes, (long) alignment)]);
  }
}
