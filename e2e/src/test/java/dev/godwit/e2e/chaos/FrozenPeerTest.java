package dev.godwit.e2e.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.e2e.chaos.ChaosPlan.Shape;
import dev.godwit.e2e.chaos.ChaosPlan.Step;
import dev.godwit.e2e.relay.Boundary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Either side is frozen by SIGSTOP in each phase, for longer than the other waits: a peer that is
 * neither there nor gone.
 */
class FrozenPeerTest {
  private static final long FROZEN_MILLIS = 6500;
  private static final long NOTICED_MILLIS = 5000;

  private static final int LANES = 4;
  private static final Map<Case, ChaosResult> RESULTS = new ConcurrentHashMap<>();

  @TempDir static Path folder;

  @BeforeAll
  static void freezeEachInEachPhase() throws Exception {
    Path kernel = ChaosGuest.build(folder);
    Queue<Case> cases = new ConcurrentLinkedQueue<>();
    for (Moment moment : Moment.values()) {
      cases.add(new Case(FaultKind.FREEZE_SOURCE, moment));
      cases.add(new Case(FaultKind.FREEZE_DESTINATION, moment));
    }
    List<Callable<@Nullable Void>> lanes = new ArrayList<>();
    for (int i = 0; i < LANES; i++) {
      int number = i;
      lanes.add(() -> lane(number, kernel, cases));
    }
    try (ExecutorService executor = Executors.newFixedThreadPool(LANES)) {
      for (Future<@Nullable Void> lane : executor.invokeAll(lanes)) {
        lane.get();
      }
    }
  }

  /** Where it strikes; each before the message that is named. */
  enum Moment {
    PREFLIGHT(Boundary.request("Preflight"), Shape.SHORT, true),
    ROUND_0(Boundary.pages("round 0"), Shape.SHORT, true),
    LIVE_ROUND(Boundary.pages("a live round"), Shape.LONG, true),
    LAST_ROUND(Boundary.pages("the last round"), Shape.SHORT, true),
    SECTIONS(Boundary.request("Finish"), Shape.SHORT, true),
    COMMIT(Boundary.request("Commit"), Shape.SHORT, false),
    COMMIT_ANSWER(Boundary.reply("Commit"), Shape.SHORT, false);

    private final Boundary boundary;
    private final Shape shape;
    private final boolean beforeCommit;
    private final boolean complete;

    Moment(Boundary boundary, Shape shape, boolean beforeCommit) {
      this.boundary =
          boundary.call().equals(Boundary.FINISH)
              ? new Boundary(Boundary.Side.SOURCE, Boundary.FINISH, "metadata")
              : boundary;
      this.shape = shape;
      this.beforeCommit = beforeCommit;
      this.complete = !beforeCommit || boundary.call().equals(Boundary.FINISH);
    }
  }

  /** Who is frozen, and where. */
  private record Case(FaultKind kind, Moment moment) {
    ChaosPlan plan() {
      Step step = new Step(moment.boundary, false, 1, 0, kind, FROZEN_MILLIS, 0);
      return new ChaosPlan(moment.ordinal(), moment.shape, "auto", true, 1, List.of(step));
    }
  }

  /** They mostly wait: so several pairs of processes beside each other. */
  private static @Nullable Void lane(int number, Path kernel, Queue<Case> cases) throws Exception {
    try (ChaosLane lane =
        new ChaosLane(folder.resolve("lane" + number), kernel, "", Path.of("target", "e2e"))) {
      for (Case next = cases.poll(); next != null; next = cases.poll()) {
        ChaosResult result = lane.run(next.plan());
        System.out.printf(
            "%s, longest gap %d ms, noticed after %d ms%n",
            result, result.longestGapMillis(), result.noticedMillis());
        RESULTS.put(next, result);
      }
      // What all of that may have left behind.
      ChaosResult last = lane.run(new ChaosPlan(99, Shape.LONG, "auto", true, 2, List.of()));
      assertEquals(List.of(), last.problems());
      assertEquals("moved", last.outcome());
    }
    return null;
  }

  private static ChaosResult resultOf(FaultKind kind, Moment moment) {
    ChaosResult result = Objects.requireNonNull(RESULTS.get(new Case(kind, moment)));
    assertEquals(List.of(), result.problems(), result::toString);
    assertEquals(1, result.struck().size(), result::toString);
    return result;
  }

  @ParameterizedTest
  @EnumSource
  void theSourceNoticesAFrozenDestination(Moment moment) {
    ChaosResult result = resultOf(FaultKind.FREEZE_DESTINATION, moment);
    assertTrue(
        result.noticedMillis() < NOTICED_MILLIS,
        () -> result + ", noticed after " + result.noticedMillis() + " ms");
    if (moment.beforeCommit) {
      assertTrue(result.outcome().startsWith("kept, PEER_LOST"), result::toString);
      assertTrue(
          result.longestGapMillis() < moment.shape.maxDowntimeMillis() + NOTICED_MILLIS,
          () -> result + ", and the guest stood for " + result.longestGapMillis() + " ms");
    } else {
      assertTrue(result.outcome().startsWith("moved"), result::toString);
    }
  }

  @ParameterizedTest
  @EnumSource
  void theDestinationNoticesAFrozenSource(Moment moment) {
    ChaosResult result = resultOf(FaultKind.FREEZE_SOURCE, moment);
    String outcome = result.outcome();
    if (moment.complete) {
      // The destination waits longer for COMMIT than the source was frozen.
      assertTrue(outcome.startsWith("moved") || outcome.startsWith("kept"), result::toString);
    } else {
      assertTrue(outcome.startsWith("kept, PEER_LOST / failed TIMEOUT"), result::toString);
    }
  }
}
