package dev.godwit.e2e.chaos;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * What the world outside has heard of one machine: a log in memory that all processes share, so
 * that what was said before a SIGKILL is there after it, at once and in the order in which it was
 * said.
 *
 * <p>Written by whichever process runs the machine (two at once would show), read by one.
 */
final class Witness {
  /**
   * One heartbeat.
   *
   * @param beat its number
   * @param pid the process in which the machine said it
   * @param nanos when, by the clock that all processes share (clock_gettime(2), CLOCK_MONOTONIC)
   */
  record Heartbeat(long beat, long pid, long nanos) {}

  private static final int ENTRIES = 1 << 17;
  private static final long COUNT_AT = 0;
  private static final long WRONG_AT = 8;
  private static final long FIRST_ENTRY_AT = 64;
  private static final int ENTRY_BYTES = 32;
  private static final long BYTES = FIRST_ENTRY_AT + (long) ENTRIES * ENTRY_BYTES;
  private static final VarHandle LONG = ValueLayout.JAVA_LONG.varHandle();
  private static final long PID = ProcessHandle.current().pid();

  private final MemorySegment shared;
  private long read;

  private Witness(MemorySegment shared) {
    this.shared = shared;
  }

  /**
   * Opens the log of a machine, making it if it is not there. Unmapped by the garbage collector.
   */
  static Witness open(Path folder, String machine) {
    try (FileChannel file =
        FileChannel.open(
            folder.resolve("witness-" + machine),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      return new Witness(file.map(MapMode.READ_WRITE, 0, BYTES, Arena.ofAuto()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The machine says a number. */
  void heartbeat(long beat) {
    long position = (long) LONG.getAndAdd(shared, COUNT_AT, 1L);
    long at = entryAt(position);
    shared.set(ValueLayout.JAVA_LONG, at + 8, beat);
    shared.set(ValueLayout.JAVA_LONG, at + 16, PID);
    shared.set(ValueLayout.JAVA_LONG, at + 24, System.nanoTime());
    LONG.setRelease(shared, at, position + 1);
  }

  /** The machine says that something is wrong with it. */
  void wrong(long what) {
    LONG.setVolatile(shared, WRONG_AT, what + 1);
  }

  /** Returns what the machine said was wrong, or 0. */
  long wrong() {
    return (long) LONG.getVolatile(shared, WRONG_AT);
  }

  /** Returns how many heartbeats there were. */
  long count() {
    return (long) LONG.getVolatile(shared, COUNT_AT);
  }

  /**
   * Returns the heartbeats since the last call. One that a process was killed in the middle of is
   * left out.
   */
  List<Heartbeat> next() {
    List<Heartbeat> beats = new ArrayList<>();
    long end = count();
    if (end - read > ENTRIES) {
      throw new IllegalStateException("the log was read too seldom: beats are lost");
    }
    for (; read < end; read++) {
      long at = entryAt(read);
      if (isWritten(at, read + 1)) {
        beats.add(
            new Heartbeat(
                shared.get(ValueLayout.JAVA_LONG, at + 8),
                shared.get(ValueLayout.JAVA_LONG, at + 16),
                shared.get(ValueLayout.JAVA_LONG, at + 24)));
      }
    }
    return beats;
  }

  private boolean isWritten(long at, long sequence) {
    for (int attempt = 0; attempt < 100; attempt++) {
      if ((long) LONG.getAcquire(shared, at) == sequence) {
        return true;
      }
      try {
        Thread.sleep(5);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      }
    }
    return false;
  }

  private static long entryAt(long position) {
    return FIRST_ENTRY_AT + position % ENTRIES * ENTRY_BYTES;
  }
}
