package dev.godwit.e2e.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * What a process uses, by proc(5), looked at again and again so that the last look at one which
 * ends is not old. Its methods are called by one thread.
 */
final class ProcessMeter implements AutoCloseable {
  private static final long LOOK_MILLIS = 10;

  /** Reading all mappings of a large process takes milliseconds. */
  private static final int LOOKS_TO_A_LOOK_AT_MAPPINGS = 10;

  private static final int LOOKS_TO_A_LOOK_AT_THREADS = 5;

  /** USER_HZ, in which /proc/PID/stat counts: 100 on x86, whatever the kernel's own. */
  private static final double TICKS_PER_SECOND = 100;

  private final long pid;
  private final boolean mappings;
  private final boolean threads;
  private final Map<String, Double> threadsBefore;
  private volatile Map<String, Double> threadsNow = Map.of();
  private final double startCpuSeconds;
  private final Thread thread;
  private volatile double cpuSeconds;
  private final List<Long> beyondRam = new CopyOnWriteArrayList<>();
  private volatile boolean over;

  /**
   * Begins to look.
   *
   * @param mappings whether to look at memory, too, which disturbs what is measured
   * @param threads whether to tell its threads apart
   */
  ProcessMeter(Process process, boolean mappings, boolean threads) throws IOException {
    this.pid = process.pid();
    this.mappings = mappings;
    this.threads = threads;
    this.threadsBefore = threads ? cpuSecondsByThread(pid) : Map.of();
    this.startCpuSeconds = cpuSeconds(pid);
    this.cpuSeconds = startCpuSeconds;
    this.thread = Thread.ofPlatform().daemon().name("meter").start(this::look);
  }

  private void look() {
    try {
      for (int looks = 0; !over; looks++) {
        cpuSeconds = cpuSeconds(pid);
        if (threads && looks % LOOKS_TO_A_LOOK_AT_THREADS == 0) {
          threadsNow = cpuSecondsByThread(pid);
        }
        if (mappings && looks % LOOKS_TO_A_LOOK_AT_MAPPINGS == 0) {
          beyondRam.add(anonymousBeyondRamBytes(pid));
        }
        TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
      }
    } catch (IOException | InterruptedException e) {
      // It has ended: the last looks are the result.
    }
  }

  /** Stops looking. */
  void stop() {
    over = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Returns what it had used before, since it was started. */
  double cpuSecondsBefore() {
    return startCpuSeconds;
  }

  /** Returns what it used while it was looked at. */
  double cpuSecondsMeanwhile() {
    return cpuSeconds - startCpuSeconds;
  }

  /** Returns the most memory of its own that was not the guest's RAM. */
  long beyondRamBytes() {
    return beyondRam.stream().mapToLong(Long::longValue).max().orElse(0);
  }

  /** Returns how much that was at each look, the first one first. */
  List<Long> looksBeyondRamBytes() {
    return List.copyOf(beyondRam);
  }

  /** Returns the CPU time of each kind of thread while it was looked at, the most first. */
  Map<String, Double> cpuSecondsByThread() {
    Map<String, Double> meanwhile = new LinkedHashMap<>();
    threadsNow.entrySet().stream()
        .map(e -> Map.entry(e.getKey(), e.getValue() - threadsBefore.getOrDefault(e.getKey(), 0.0)))
        .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
        .filter(e -> e.getValue() >= 0.01)
        .forEach(e -> meanwhile.put(e.getKey(), Math.round(e.getValue() * 100) / 100.0));
    return meanwhile;
  }

  @Override
  public void close() {
    stop();
  }

  /** User and system time of all its threads, those that have ended included. */
  private static double cpuSeconds(long pid) throws IOException {
    return cpuSecondsIn(
        Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1));
  }

  private static double cpuSecondsIn(String stat) {
    // The name, in parentheses, may hold anything; behind it the fields are 3 and up (proc(5)).
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    return (Long.parseLong(fields[14 - 3]) + Long.parseLong(fields[15 - 3])) / TICKS_PER_SECOND;
  }

  /** By name, without the numbers that tell threads of a kind apart. */
  private static Map<String, Double> cpuSecondsByThread(long pid) throws IOException {
    Map<String, Double> seconds = new HashMap<>();
    try (Stream<Path> tasks = Files.list(Path.of("/proc/" + pid + "/task"))) {
      for (Path task : tasks.toList()) {
        String stat = "";
        try {
          stat = Files.readString(task.resolve("stat"), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
          continue; // that thread has ended
        }
        String name = stat.substring(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
        seconds.merge(name.replaceAll("[\\d-]+$", ""), cpuSecondsIn(stat), Double::sum);
      }
    }
    return seconds;
  }

  /**
   * Sums the memory that is the process's own: heap, buffers, stacks, compiled code; not files that
   * it maps, which it shares; not the guest's RAM, which both Godwit and QEMU have asked huge pages
   * for, and for nothing else.
   */
  static long anonymousBeyondRamBytes(long pid) throws IOException {
    long beyond = 0;
    long anonymous = 0;
    for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/smaps"))) {
      if (line.startsWith("Anonymous:")) {
        anonymous = kibibytes(line);
      } else if (line.startsWith("VmFlags:") && !line.contains(" hg")) {
        beyond += anonymous;
      }
    }
    return beyond;
  }

  /** {@code "Rss: 12 kB"}, as bytes. */
  private static long kibibytes(String line) {
    return Long.parseLong(line.split("\\s+", -1)[1]) << 10;
  }
}
