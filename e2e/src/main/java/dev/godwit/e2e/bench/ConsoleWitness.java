package dev.godwit.e2e.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A guest's serial console as somebody outside sees it: every process that runs the guest in turn
 * writes to a pipe, and what comes is stamped with this process's clock when it comes. Thread-safe.
 */
final class ConsoleWitness {
  // The terminal may put an echoed character behind the last digit.
  private static final Pattern BEAT =
      Pattern.compile("HB (\\d+) boot=[0-9a-f-]+ up=\\d+ rt=\\d+(?=\\D)");
  private static final int CHUNK_BYTES = 4096;
  private static final int EXCERPT_CHARS = 1000;

  private final List<Stream> streams = new ArrayList<>();

  /** A heartbeat and when it was seen ({@link System#nanoTime}). */
  record Beat(long number, long seenNanos) {}

  /**
   * What came of one process.
   *
   * @param text what it wrote
   * @param starts where in the text each chunk starts
   * @param seen when each chunk came
   */
  private record Stream(StringBuilder text, List<Integer> starts, List<Long> seen) {}

  /** Follows one more process's output, on a thread of its own, until it ends. */
  void follow(InputStream output) {
    Stream stream = new Stream(new StringBuilder(), new ArrayList<>(), new ArrayList<>());
    synchronized (this) {
      streams.add(stream);
    }
    Thread.ofPlatform().daemon().name("console").start(() -> read(output, stream));
  }

  private void read(InputStream output, Stream stream) {
    byte[] chunk = new byte[CHUNK_BYTES];
    try (output) {
      for (int count = output.read(chunk); count >= 0; count = output.read(chunk)) {
        long now = System.nanoTime();
        synchronized (this) {
          stream.starts.add(stream.text.length());
          stream.seen.add(now);
          stream.text.append(new String(chunk, 0, count, StandardCharsets.ISO_8859_1));
          notifyAll();
        }
      }
    } catch (IOException e) {
      // It has ended: whoever waits for more runs into the deadline.
    }
  }

  /** Waits until the newest process has written something. */
  synchronized void await(String wanted, long seconds) throws InterruptedException {
    long deadline = System.nanoTime() + seconds * 1_000_000_000L;
    StringBuilder text = streams.getLast().text;
    while (text.indexOf(wanted) < 0) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        throw new IllegalStateException(
            "'%s' did not come; the last was: %s"
                .formatted(wanted, text.substring(Math.max(0, text.length() - EXCERPT_CHARS))));
      }
      wait(left);
    }
  }

  /**
   * Returns all heartbeats in the guest's order; a line that was cut by a migration counts when its
   * second half came.
   */
  synchronized List<Beat> beats() {
    StringBuilder text = new StringBuilder();
    List<Integer> starts = new ArrayList<>();
    List<Long> seen = new ArrayList<>();
    for (Stream stream : streams) {
      for (int start : stream.starts) {
        starts.add(text.length() + start);
      }
      seen.addAll(stream.seen);
      text.append(stream.text);
    }
    List<Beat> beats = new ArrayList<>();
    Matcher matcher = BEAT.matcher(text);
    int chunk = 0;
    while (matcher.find()) {
      while (chunk + 1 < starts.size() && starts.get(chunk + 1) < matcher.end()) {
        chunk++;
      }
      beats.add(new Beat(Long.parseLong(matcher.group(1)), seen.get(chunk)));
    }
    return beats;
  }

  /** Returns the largest time between two heartbeats of which one was seen in a window. */
  static double largestGapMillis(List<Beat> beats, long fromNanos, long toNanos) {
    long largest = 0;
    for (int i = 1; i < beats.size(); i++) {
      long before = beats.get(i - 1).seenNanos;
      long after = beats.get(i).seenNanos;
      if (after - fromNanos >= 0 && before - toNanos <= 0) {
        largest = Math.max(largest, after - before);
      }
    }
    return largest / 1e6;
  }

  /** Returns how many heartbeats are missing, came twice or out of turn. */
  static long damage(List<Beat> beats) {
    long damage = 0;
    for (int i = 1; i < beats.size(); i++) {
      damage += Math.abs(beats.get(i).number - beats.get(i - 1).number - 1);
    }
    return damage;
  }
}
