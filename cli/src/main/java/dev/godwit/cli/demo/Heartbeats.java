package dev.godwit.cli.demo;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The heartbeats in a console's transcript: numbered lines that the guest program prints at a fixed
 * interval, with the guest's boot id and its time.
 */
public final class Heartbeats {
  /**
   * See docs/guest.md. A line may arrive in two pieces, so something must follow the last number;
   * that may be a character that the terminal echoes, before the line's end.
   */
  private static final Pattern BEAT =
      Pattern.compile(
          "HB (\\d{1,18}) boot=([0-9a-f-]{36}) up=(\\d{1,18}) rt=(\\d{1,30})(?=[^\\d\\r]|\\r\\n)");

  private static final double NANOS_PER_MILLI = 1e6;

  /** Enough for the beat before a gap, what stands in the gap, and the beat after it. */
  private static final int EXCERPT_CHARS = 600;

  private Heartbeats() {}

  /**
   * One of them.
   *
   * @param number counted by the guest, from 0
   * @param bootId the guest kernel's boot id
   * @param upNanos guest nanoseconds since its boot
   */
  public record Beat(long number, String bootId, long upNanos) {}

  /** Returns all complete heartbeats of a transcript, in order. */
  public static List<Beat> parse(String transcript) {
    List<Beat> beats = new ArrayList<>();
    Matcher matcher = BEAT.matcher(transcript);
    while (matcher.find()) {
      beats.add(
          new Beat(
              Long.parseLong(matcher.group(1)),
              matcher.group(2),
              Long.parseLong(matcher.group(3))));
    }
    return beats;
  }

  /**
   * What is to be said about a machine's heartbeats.
   *
   * @param count how many there were
   * @param bootIds different boot ids: one, or the machine was not the same
   * @param missing numbers that did not come
   * @param repeated numbers that came again, or late
   * @param longestGapMillis the longest time between two, as the guest saw it
   */
  public record Verdict(
      long count, long bootIds, long missing, long repeated, double longestGapMillis) {
    /** Says whether the guest was the same all the time and nothing of it was lost or repeated. */
    public boolean isWhole() {
      return count > 0 && bootIds == 1 && missing == 0 && repeated == 0;
    }
  }

  /** Judges heartbeats that should be all there from the first to the last. */
  public static Verdict judge(List<Beat> beats) {
    long missing = 0;
    long repeated = 0;
    long longestGapNanos = 0;
    for (int i = 1; i < beats.size(); i++) {
      long step = beats.get(i).number() - beats.get(i - 1).number();
      missing += Math.max(0, step - 1);
      repeated += step < 1 ? 1 : 0;
      longestGapNanos =
          Math.max(longestGapNanos, beats.get(i).upNanos() - beats.get(i - 1).upNanos());
    }
    missing += beats.isEmpty() ? 0 : beats.getFirst().number();
    return new Verdict(
        beats.size(),
        beats.stream().map(Beat::bootId).distinct().count(),
        missing,
        repeated,
        longestGapNanos / NANOS_PER_MILLI);
  }

  /** Returns the part of a transcript around the first beat that does not follow the one before. */
  static String around(String transcript, List<Beat> beats) {
    long expected = 0;
    long last = -1;
    for (Beat beat : beats) {
      if (beat.number() != expected) {
        break;
      }
      last = beat.number();
      expected++;
    }
    int start = Math.max(0, transcript.indexOf("HB " + last + " "));
    return transcript.substring(start, Math.min(transcript.length(), start + EXCERPT_CHARS));
  }
}
