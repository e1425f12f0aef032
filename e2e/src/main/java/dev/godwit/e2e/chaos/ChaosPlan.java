package dev.godwit.e2e.chaos;

import dev.godwit.control.MigrateOrder;
import dev.godwit.e2e.relay.Boundary;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A migration and what goes wrong with it, all of it drawn from one seed.
 *
 * @param seed what it was drawn from
 * @param shape how the rounds go
 * @param compression as of the order
 * @param verify as of the order
 * @param streams as of the order
 * @param steps the faults, each armed when the one before it has struck
 */
record ChaosPlan(
    long seed, Shape shape, String compression, boolean verify, int streams, List<Step> steps) {
  /** How the rounds go. */
  enum Shape {
    /** The machine stands after round 0: round 1 is the last. */
    SHORT(2000),
    /** The pause is too short to be kept, so there are live rounds until the time is up. */
    LONG(1);

    private final long maxDowntimeMillis;

    Shape(long maxDowntimeMillis) {
      this.maxDowntimeMillis = maxDowntimeMillis;
    }

    /** Returns the pause that the user allows. */
    long maxDowntimeMillis() {
      return maxDowntimeMillis;
    }
  }

  /**
   * A fault and when it strikes.
   *
   * @param boundary at which message; null: {@code millis} after the step was armed
   * @param after after the message has passed instead of before
   * @param nth at which of those messages, 1 being the first
   * @param millis see {@code boundary}
   * @param fault what happens
   * @param durationMillis for how long, where that means anything; {@link #FOR_GOOD}
   * @param random decides what is left to be decided
   */
  record Step(
      @Nullable Boundary boundary,
      boolean after,
      int nth,
      long millis,
      FaultKind fault,
      long durationMillis,
      long random) {
    boolean lastsForGood() {
      return durationMillis == FOR_GOOD;
    }

    @Override
    public String toString() {
      String when =
          boundary == null
              ? "at " + millis + " ms"
              : (after ? "after " : "before ") + boundary + (nth > 1 ? " no. " + nth : "");
      String how =
          durationMillis == 0
              ? ""
              : lastsForGood() ? " for good" : " for " + durationMillis + " ms";
      return fault.name().toLowerCase(Locale.ROOT).replace('_', ' ') + how + " " + when;
    }
  }

  static final long FOR_GOOD = Long.MAX_VALUE;

  private static final FaultKind[] KINDS = FaultKind.values();

  /** The boundaries, each before and after, and random times. */
  static final int PLACES = 2 * Boundary.ALL.size() + 4;

  /** So many seeds in a row have every kind of fault at every place. */
  static final int CELLS = PLACES * KINDS.length;

  private static final List<String> COMPRESSIONS = List.of("auto", "on", "off");

  /**
   * Draws the plan of a seed: place and kind go round, so that seeds in a row cover all pairs; the
   * rest is chance.
   */
  static ChaosPlan of(long seed) {
    int place = (int) Math.floorMod(seed, (long) PLACES);
    FaultKind kind = KINDS[(int) Math.floorMod(seed / PLACES + place, (long) KINDS.length)];
    SplittableRandom random = new SplittableRandom(seed);
    Shape shape = random.nextBoolean() ? Shape.LONG : Shape.SHORT;
    List<Step> steps = new ArrayList<>();
    if (place < 2 * Boundary.ALL.size()) {
      Boundary boundary = Boundary.ALL.get(place / 2);
      boolean after = place % 2 == 1;
      shape = shapeFor(boundary, shape);
      switch (boundary.call()) {
        case "Query" -> steps.add(step(random, FaultKind.CUT, Boundary.reply("Commit"), false, 1));
        case "Abort" -> {
          shape = Shape.LONG;
          steps.add(
              step(random, FaultKind.CANCEL, Boundary.receipt(Boundary.ROUNDS.get(0)), true, 1));
        }
        default -> {}
      }
      steps.add(step(random, kind, boundary, after, nth(random, boundary)));
    } else {
      steps.add(step(random, kind, null, false, 1));
    }
    if (random.nextInt(4) == 0) {
      steps.add(step(random, KINDS[random.nextInt(KINDS.length)], null, false, 1));
    }
    return new ChaosPlan(
        seed,
        shape,
        COMPRESSIONS.get(random.nextInt(COMPRESSIONS.size())),
        random.nextInt(3) == 0,
        1 + random.nextInt(3),
        List.copyOf(steps));
  }

  private static Shape shapeFor(Boundary boundary, Shape drawn) {
    return boundary.isOf(Boundary.ROUNDS.get(1))
        ? Shape.LONG
        : boundary.isOf(Boundary.ROUNDS.get(2)) ? Shape.SHORT : drawn;
  }

  /** Which of several messages of a kind: only where there are surely so many. */
  private static int nth(SplittableRandom random, Boundary boundary) {
    if (boundary.call().equals("Heartbeat")) {
      return 1 + random.nextInt(3);
    }
    if (boundary.equals(Boundary.pages(Boundary.ROUNDS.get(0)))) {
      return 1 + random.nextInt(20);
    }
    return boundary.message().endsWith(Boundary.ROUNDS.get(1)) ? 1 + random.nextInt(2) : 1;
  }

  private static Step step(
      SplittableRandom random,
      FaultKind kind,
      @Nullable Boundary boundary,
      boolean after,
      int nth) {
    long duration =
        switch (kind) {
          case CUT_OFF, SWALLOW_FROM_SOURCE, SWALLOW_FROM_DESTINATION ->
              random.nextInt(3) == 0 ? FOR_GOOD : random.nextLong(100, 6000);
          case STALL -> random.nextLong(50, 2500);
          case PAUSE_DESTINATION, PAUSE_SOURCE -> random.nextLong(50, 2500);
          case FREEZE, FREEZE_DESTINATION, FREEZE_SOURCE -> random.nextLong(4500, 7000);
          case DELAY -> random.nextLong(1, 40);
          case LIMIT, CUT, CLOSE, CORRUPT, CANCEL -> 0;
          case REORDER -> random.nextLong(20, 3000);
          case KILL_DESTINATION, KILL_SOURCE -> 0;
        };
    return new Step(
        boundary, after, nth, random.nextLong(0, 900), kind, duration, random.nextLong());
  }

  /** Returns what its user would type. */
  MigrateOrder order(String to) {
    return new MigrateOrder(
        to,
        Duration.ofMillis(shape.maxDowntimeMillis()),
        shape == Shape.SHORT ? Duration.ofSeconds(60) : Duration.ofMillis(600),
        0,
        compression,
        verify,
        "stop",
        0,
        streams,
        MigrateOrder.DEFAULT_DELTA_CACHE_BYTES);
  }

  /**
   * Returns seeds that strike at every boundary at least once, with every kind of fault among them,
   * at random times, and at the destination just before and after COMMIT, by killing it.
   */
  static long[] covering() {
    int commit = 2 * Boundary.ALL.indexOf(Boundary.request("Commit"));
    int kill = FaultKind.KILL_DESTINATION.ordinal();
    // Kinds go round from one boundary to the next; before and after alternate.
    return LongStream.concat(
            IntStream.range(0, Boundary.ALL.size()).mapToLong(i -> seedOf(2 * i + i % 2, i)),
            LongStream.concat(
                IntStream.range(0, 24).mapToLong(i -> seedOf(2 * Boundary.ALL.size() + i % 4, i)),
                LongStream.of(seedOf(commit, kill), seedOf(commit + 1, kill))))
        .distinct()
        .toArray();
  }

  /** Returns the first seed with a certain kind of fault at a certain place. */
  private static long seedOf(int place, int kind) {
    return place + (long) PLACES * Math.floorMod(kind - place, KINDS.length);
  }

  @Override
  public String toString() {
    return shape.name().toLowerCase(Locale.ROOT)
        + ", compression "
        + compression
        + (verify ? ", verify" : "")
        + (streams > 1 ? ", " + streams + " streams" : "")
        + ": "
        + String.join("; then ", steps.stream().map(Step::toString).toList());
  }
}
