package dev.godwit.control;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A mark in the run directory that says, beyond the death of its process: <em>I have not done it
 * yet</em>. It is taken away before it is done. So it proves what it says once its process is dead,
 * and its absence proves nothing: it may have been removed, or never have been seen from here.
 *
 * <p>The mark is the name of a socket on which its process listens, as long as it lives. It has a
 * listener of its own, which nobody accepts from: it must not be closed before the mark is gone or
 * what it stands for will certainly never be done. Whoever knows the secret can find the mark, and
 * asks the kernel by connecting. Only a refusal means that nobody listens; a process that is
 * stopped still has its backlog, and one whose backlog is full makes the caller try again.
 *
 * <p>The name is a digest of the secret, the host's boot, and the inodes of the folder and of the
 * socket: a mark that comes back after a power cut, is copied or linked, or is looked at from
 * another host by way of a shared file system is none.
 *
 * <p>{@link #remove} and {@link #abandon} are called by one thread at a time.
 */
public final class MarkSocket {
  static final String SUFFIX = ".mark";

  private static final int DIGEST_BYTES = 16;
  private static final int FILE_TYPE = 0170000;
  private static final int SOCKET_TYPE = 0140000;
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

  /**
   * File systems that no other host writes to. Elsewhere a listener on the other host is not seen,
   * and clones of a virtual machine even have the same boot id.
   */
  private static final Set<String> OF_THIS_HOST =
      Set.of("tmpfs", "ramfs", "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "overlay");

  private final Path path;
  private final ServerSocketChannel listener;

  private MarkSocket(Path path, ServerSocketChannel listener) {
    this.path = path;
    this.listener = listener;
  }

  /**
   * Makes a mark; it is not seen before it is listened on.
   *
   * @param secret what it is found by, never used for another one; nothing of it can be read from
   *     the mark
   * @throws ControlException {@code HOST_REFUSED} if there can be none
   */
  public static MarkSocket place(RunDirectory directory, byte[] secret) {
    return place(directory, secret, bootId());
  }

  static MarkSocket place(RunDirectory directory, byte[] secret, String bootId) {
    ServerSocketChannel listener = null;
    try {
      ServerSocketChannel opened = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
      listener = opened;
      Path path =
          directory.placeMark(
              unpublished -> opened.bind(UnixDomainSocketAddress.of(unpublished)),
              unpublished -> "." + name(unpublished, secret, bootId) + SUFFIX);
      return new MarkSocket(path, opened);
    } catch (IOException | RuntimeException e) {
      close(listener);
      throw e instanceof ControlException known
          ? known
          : new ControlException(
              ControlException.Code.HOST_REFUSED, "no mark can be made: " + e, e);
    }
  }

  /**
   * Takes the mark away: from here on it may be done. The socket is left for {@link #abandon}.
   *
   * @throws ControlException {@code HOST_REFUSED} if that is not certain, also where the mark is
   *     not found: it may still be seen elsewhere. Then it must never be done
   */
  public void remove() {
    try {
      Files.delete(path);
    } catch (IOException e) {
      throw new ControlException(
          ControlException.Code.HOST_REFUSED,
          "the mark " + path + " cannot be taken away: " + e,
          e);
    }
  }

  /**
   * Closes the socket. Where the mark was not removed it says from now on, as if this process were
   * dead, that it was never done, and it must never be.
   */
  public void abandon() {
    close(listener);
  }

  private static void close(@Nullable ServerSocketChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      // Then it stays open as long as the process, and nothing is proven before that ends.
    }
  }

  /**
   * Says whether a process that is dead, or has given up for good, left a mark with this secret. If
   * so it never did what the mark stands for; otherwise nothing is known.
   */
  public static boolean isLeftBehind(RunDirectory directory, byte[] secret) {
    return isLeftBehind(directory, secret, bootId());
  }

  static boolean isLeftBehind(RunDirectory directory, byte[] secret, String bootId) {
    try {
      if (!OF_THIS_HOST.contains(Files.getFileStore(directory.path()).type())) {
        return false;
      }
      for (Path mark : directory.marks()) {
        // In this order: only what is still there after its process has died was never removed.
        if (isNamed(mark, secret, bootId)
            && RunDirectory.refuses(mark)
            && isNamed(mark, secret, bootId)) {
          return true;
        }
      }
      return false;
    } catch (IOException | RuntimeException e) {
      return false; // what cannot be read proves nothing
    }
  }

  /** Removes what {@link #isLeftBehind} has found: whom it concerns knows. */
  public static void clear(RunDirectory directory, byte[] secret) {
    String bootId = bootId();
    try {
      for (Path mark : directory.marks()) {
        if (isNamed(mark, secret, bootId) && RunDirectory.refuses(mark)) {
          Files.deleteIfExists(mark);
        }
      }
    } catch (IOException | RuntimeException e) {
      // It is removed when it is old.
    }
  }

  private static boolean isNamed(Path mark, byte[] secret, String bootId) throws IOException {
    try {
      return String.valueOf(mark.getFileName()).equals("." + name(mark, secret, bootId) + SUFFIX);
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  /** Returns what a socket with its inode must be called in the folder it is in. */
  private static String name(Path socket, byte[] secret, String bootId) throws IOException {
    Map<String, Object> inode =
        Files.readAttributes(socket, "unix:mode,dev,ino", LinkOption.NOFOLLOW_LINKS);
    if ((number(inode, "mode") & FILE_TYPE) != SOCKET_TYPE || bootId.isEmpty()) {
      throw new IOException(socket + " cannot be a mark");
    }
    Map<String, Object> inFolder =
        Files.readAttributes(socket.resolveSibling(""), "unix:ino", LinkOption.NOFOLLOW_LINKS);
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update("godwit mark ".getBytes(StandardCharsets.UTF_8));
      digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(secret.length).flip());
      digest.update(secret);
      digest.update(
          ByteBuffer.allocate(3 * Long.BYTES)
              .putLong(number(inode, "dev"))
              .putLong(number(inFolder, "ino"))
              .putLong(number(inode, "ino"))
              .flip());
      digest.update(bootId.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(Arrays.copyOf(digest.digest(), DIGEST_BYTES));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every JDK has it
    }
  }

  private static long number(Map<String, Object> inode, String attribute) throws IOException {
    if (inode.get(attribute) instanceof Number number) {
      return number.longValue();
    }
    throw new IOException("an inode without " + attribute);
  }

  /** Returns what names this boot of this host (random(4)); empty if the host hides it. */
  private static String bootId() {
    try {
      return Files.readString(BOOT_ID).strip();
    } catch (IOException e) {
      return "";
    }
  }
}
