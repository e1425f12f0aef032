package dev.godwit.control;

import dev.godwit.machine.MachineConfig;
import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The folder that holds the control sockets of a user's machines: {@code NAME.sock} each.
 *
 * <p>A name belongs to the process that listens on its socket. Whether one does is asked of the
 * kernel by connecting: a socket that refuses was left by a process that died, and is removed.
 * Names are given, changed and cleaned up under one file lock, so that of two processes which want
 * the same name at once exactly one gets it. The lock file stays; a file lock that outlives its
 * file locks nothing.
 */
public final class RunDirectory {
  private static final Logger LOG = LoggerFactory.getLogger(RunDirectory.class);
  private static final String SUFFIX = ".sock";

  /** After this a mark that a dead process left is removed: nobody asks for it any more. */
  private static final Duration MARKS_ARE_KEPT = Duration.ofDays(7);

  /** The room for a path in {@code struct sockaddr_un}, without the final NUL (unix(7)). */
  private static final int MAX_SOCKET_PATH_BYTES = 107;

  /** A file lock keeps processes apart but not the threads of one; this does. */
  private static final ReentrantLock THREADS = new ReentrantLock();

  private final Path path;

  private RunDirectory(Path path) {
    this.path = path;
  }

  /**
   * Returns the user's folder: {@code GODWIT_RUN_DIR} if that is set, {@code /run/godwit} for root,
   * else {@code $XDG_RUNTIME_DIR/godwit}, or {@code /tmp/godwit-UID} where there is no such thing.
   */
  public static RunDirectory ofUser() {
    return at(defaultPath(System.getenv(), currentUid()));
  }

  static Path defaultPath(Map<String, String> environment, int uid) {
    String chosen = environment.getOrDefault("GODWIT_RUN_DIR", "");
    String runtime = environment.getOrDefault("XDG_RUNTIME_DIR", "");
    if (!chosen.isEmpty()) {
      return Path.of(chosen).toAbsolutePath();
    }
    if (uid == 0) {
      return Path.of("/run/godwit");
    }
    // The XDG base directory specification: a relative path is to be ignored.
    return runtime.startsWith("/")
        ? Path.of(runtime, "godwit")
        : Path.of(String.format(Locale.ROOT, "/tmp/godwit-%d", uid));
  }

  private static int currentUid() {
    try {
      return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    } catch (IOException e) {
      throw new ControlException(
          ControlException.Code.HOST_REFUSED, "cannot learn who runs this: " + e, e);
    }
  }

  /** Returns a folder; it is made when the first socket is. */
  public static RunDirectory at(Path path) {
    return new RunDirectory(path);
  }

  /** Returns the folder. */
  public Path path() {
    return path;
  }

  /**
   * Returns the socket of a name.
   *
   * @throws dev.godwit.machine.MachineException {@code BAD_CONFIG} if it is no name
   */
  public Path socket(String name) {
    MachineConfig.requireName(name);
    Path socket = path.resolve(name + SUFFIX);
    if (socket.toString().getBytes(StandardCharsets.UTF_8).length > MAX_SOCKET_PATH_BYTES) {
      throw new ControlException(
          ControlException.Code.HOST_REFUSED,
          "the path of the control socket is longer than "
              + MAX_SOCKET_PATH_BYTES
              + " bytes: "
              + socket
              + "; choose a shorter name or set GODWIT_RUN_DIR");
    }
    return socket;
  }

  /** Returns the names that processes listen on, sorted; sockets of dead processes are removed. */
  public List<String> names() {
    if (!Files.isDirectory(path)) {
      return List.of();
    }
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> sockets = Files.newDirectoryStream(path, "*" + SUFFIX)) {
      for (Path socket : sockets) {
        String file = String.valueOf(socket.getFileName());
        boolean published = !file.startsWith(".");
        if (published && isAlive(socket)) {
          names.add(file.substring(0, file.length() - SUFFIX.length()));
        } else if (published) {
          removeIfStale(socket);
        }
      }
    } catch (IOException e) {
      throw unusable(e);
    }
    names.sort(null);
    return names;
  }

  /**
   * Says whether a process listens on a name's socket; removes the socket if it was left by a dead
   * one.
   */
  public boolean isAlive(String name) {
    Path socket = socket(name);
    if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)) {
      return false;
    }
    if (isAlive(socket)) {
      return true;
    }
    removeIfStale(socket);
    return false;
  }

  private void removeIfStale(Path socket) {
    locked(
        () -> {
          try {
            if (!isAlive(socket)) {
              Files.deleteIfExists(socket);
            }
          } catch (IOException e) {
            throw unusable(e);
          }
          return true;
        });
  }

  /** Any answer but a refusal means that somebody listens: a full backlog, for instance. */
  private static boolean isAlive(Path socket) {
    try {
      return !refuses(socket);
    } catch (IOException e) {
      return Files.exists(socket, LinkOption.NOFOLLOW_LINKS);
    }
  }

  /**
   * Says whether a socket refuses connections, so that nobody listens on it. Does not wait: who is
   * stopped and whose backlog is full does not accept, but does not refuse either (EAGAIN).
   *
   * @throws IOException if it neither refuses nor accepts; also if it is not there
   */
  static boolean refuses(Path socket) throws IOException {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      channel.configureBlocking(false);
      channel.connect(UnixDomainSocketAddress.of(socket));
      return false;
    } catch (ConnectException e) {
      // Of the errors that the JDK calls so, connect(2) has only ECONNREFUSED on such a socket.
      return true;
    }
  }

  /** Binds a socket at a path and listens on it. */
  interface Binder {
    void bind(Path path) throws IOException;
  }

  /**
   * Makes a socket and gives it a name, in one step for all others: it is bound under a temporary
   * name first. The temporary path is gone when this returns, so that who closes the socket may
   * remove it without harm to a later owner of the name.
   *
   * @throws ControlException {@code NAME_IN_USE}, before anything was bound
   */
  void publish(String name, Binder binder) {
    Path socket = socket(name);
    create();
    locked(
        () -> {
          requireFree(name, socket);
          removeUnpublished();
          Path unpublished = path.resolve("." + ProcessHandle.current().pid() + SUFFIX);
          try {
            binder.bind(unpublished);
            Files.setPosixFilePermissions(
                unpublished, PosixFilePermissions.fromString("rw-------"));
            move(unpublished, socket);
          } catch (IOException e) {
            throw unusable(e);
          }
          return true;
        });
  }

  /** Says what a socket is to be called that has been bound. */
  interface Naming {
    String name(Path bound) throws IOException;
  }

  /**
   * Makes a socket that is no machine's, in one step for all others; returns where it is. Removes
   * what is too old.
   */
  Path placeMark(Binder binder, Naming naming) {
    create();
    return locked(
        () -> {
          removeUnpublished();
          removeOldMarks();
          Path unpublished = path.resolve("." + ProcessHandle.current().pid() + SUFFIX);
          try {
            binder.bind(unpublished);
            Path mark = path.resolve(naming.name(unpublished));
            Files.move(unpublished, mark, StandardCopyOption.ATOMIC_MOVE);
            return mark;
          } catch (IOException e) {
            throw unusable(e);
          }
        });
  }

  /** Returns the marks that are here, of whomever. */
  List<Path> marks() throws IOException {
    List<Path> marks = new ArrayList<>();
    try (DirectoryStream<Path> found = Files.newDirectoryStream(path, ".*" + MarkSocket.SUFFIX)) {
      found.forEach(marks::add);
    }
    return marks;
  }

  private void removeOldMarks() {
    Instant oldest = Instant.now().minus(MARKS_ARE_KEPT);
    try {
      for (Path mark : marks()) {
        if (Files.getLastModifiedTime(mark, LinkOption.NOFOLLOW_LINKS).toInstant().isBefore(oldest)
            && refuses(mark)) {
          Files.deleteIfExists(mark);
        }
      }
    } catch (IOException e) {
      LOG.debug("old marks in {} stay", path, e);
    }
  }

  /**
   * Changes the name of a socket of this process.
   *
   * @throws ControlException {@code NAME_IN_USE}; the old name stays
   */
  void rename(String oldName, String newName) {
    Path from = socket(oldName);
    Path to = socket(newName);
    locked(
        () -> {
          requireFree(newName, to);
          try {
            move(from, to);
          } catch (IOException e) {
            throw unusable(e);
          }
          return true;
        });
  }

  /** Gives a name up. To be called while the socket is still listened on: then it is still ours. */
  void withdraw(String name) {
    Path socket = socket(name);
    locked(
        () -> {
          try {
            Files.deleteIfExists(socket);
          } catch (IOException e) {
            throw unusable(e);
          }
          return true;
        });
  }

  private static void requireFree(String name, Path socket) {
    if (Files.exists(socket, LinkOption.NOFOLLOW_LINKS) && isAlive(socket)) {
      throw new ControlException(
          ControlException.Code.NAME_IN_USE,
          "a machine named "
              + name
              + " is here already; choose another name, or end that one: godwit stop "
              + name);
    }
  }

  /** rename(2) replaces a stale socket in one step. */
  private static void move(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /** Removes what processes left that died while they held the lock. */
  private void removeUnpublished() {
    try (DirectoryStream<Path> left = Files.newDirectoryStream(path, ".*" + SUFFIX)) {
      for (Path socket : left) {
        Files.deleteIfExists(socket);
      }
    } catch (IOException e) {
      throw unusable(e);
    }
  }

  /** Makes the folder, for its owner only; one that is there must not be open to others. */
  private void create() {
    try {
      Path parent = path.getParent();
      if (parent != null) {
        Files.createDirectories(parent);
      }
      Files.createDirectory(
          path, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (FileAlreadyExistsException e) {
      requireOwn();
    } catch (IOException e) {
      throw unusable(e);
    }
  }

  private void requireOwn() {
    try {
      PosixFileAttributes attributes =
          Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
      int owner = (Integer) Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
      if (!attributes.isDirectory()
          || owner != currentUid()
          || attributes.permissions().contains(PosixFilePermission.GROUP_WRITE)
          || attributes.permissions().contains(PosixFilePermission.OTHERS_WRITE)) {
        throw new ControlException(
            ControlException.Code.HOST_REFUSED,
            path
                + " cannot hold control sockets: it must be a folder of the user who runs this and"
                + " writable by nobody else; correct that or set GODWIT_RUN_DIR");
      }
    } catch (IOException e) {
      throw unusable(e);
    }
  }

  private <T> T locked(Supplier<T> action) {
    THREADS.lock();
    try (FileChannel file =
            FileChannel.open(
                path.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = file.lock()) {
      if (!lock.isValid()) {
        throw new IOException("the lock was lost");
      }
      return action.get();
    } catch (IOException e) {
      throw unusable(e);
    } finally {
      THREADS.unlock();
    }
  }

  private ControlException unusable(IOException e) {
    String why = e instanceof NoSuchFileException ? "it is not there" : e.toString();
    return new ControlException(
        ControlException.Code.HOST_REFUSED,
        "the folder of the control sockets, " + path + ", cannot be used: " + why,
        e);
  }
}
