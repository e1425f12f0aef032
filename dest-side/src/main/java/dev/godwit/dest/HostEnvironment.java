package dev.godwit.dest;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a receiver asks the host it is on. */
public interface HostEnvironment {
  /** What a machine's process takes beside its RAM and what grows with that. */
  long PROCESS_BYTES = 64L << 20;

  /** A machine's name, kept from others while this is open. */
  interface Reservation extends AutoCloseable {
    @Override
    void close();
  }

  /**
   * Reserves a name for a machine that is about to arrive; empty if a machine of that name is here
   * already.
   */
  Optional<Reservation> reserveName(String name);

  /**
   * Returns how many bytes of memory a machine needs: its RAM, a thousandth of that for the books
   * on it, and its process's heap, code and network buffers.
   */
  static long neededMemoryBytes(long ramBytes) {
    return ramBytes + ramBytes / 1024 + PROCESS_BYTES;
  }

  /**
   * Marks that a machine which is arriving has not been started. Never throws: a host that cannot
   * make a mark returns {@link StartMark#NONE}.
   *
   * @param token of the migration, and of no other; a secret
   */
  default StartMark markUnstarted(byte[] token) {
    return StartMark.NONE;
  }

  /**
   * Says whether it is certain that a process of this host had the machine of a token, is dead, and
   * never started it.
   */
  default boolean diedUnstarted(byte[] token) {
    return false;
  }

  /** The source keeps its machine: what {@link #diedUnstarted} was said of may be forgotten. */
  default void forgetUnstarted(byte[] token) {}

  /** Returns how many bytes of memory a new machine may use here. */
  default long availableMemoryBytes() {
    return MemInfo.availableBytes();
  }

  /** The kernel's own estimate: proc(5), MemAvailable. */
  final class MemInfo {
    private static final Pattern AVAILABLE = Pattern.compile("(?m)^MemAvailable:\\s+(\\d+) kB$");

    private MemInfo() {}

    /** Returns the estimate; {@code Long.MAX_VALUE} if the host hides it. */
    public static long availableBytes() {
      try {
        Matcher matcher = AVAILABLE.matcher(Files.readString(Path.of("/proc/meminfo")));
        return matcher.find() ? Long.parseLong(matcher.group(1)) * 1024 : Long.MAX_VALUE;
      } catch (IOException e) {
        // A host that hides it is not a host without memory: the allocation itself will tell.
        return Long.MAX_VALUE;
      }
    }
  }
}
