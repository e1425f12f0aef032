package dev.godwit.e2e.chaos;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.e2e.chaos.ChaosPlan.Shape;
import dev.godwit.e2e.chaos.ChaosPlan.Step;
import dev.godwit.e2e.relay.Boundary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Fixed seeds of {@link ChaosCommand}. */
class ChaosTest {
  private static final int LANES = 4;

  /** Six after what a process needs has been noted: half of them at either side. */
  private static final int LEAKING_RUNS = 10;

  @TempDir static Path folder;
  private static Path kernel;

  @BeforeAll
  static void compile() throws Exception {
    kernel = ChaosGuest.build(folder);
  }

  /** Runs seeds in several lanes, until one of them finds something if that is enough. */
  private static List<ChaosResult> run(
      String name, String patches, int lanes, long[] seeds, boolean untilFirst) throws Exception {
    Queue<Long> queue =
        Arrays.stream(seeds).boxed().collect(Collectors.toCollection(ConcurrentLinkedQueue::new));
    List<Callable<List<ChaosResult>>> tasks = new ArrayList<>();
    for (int i = 0; i < lanes; i++) {
      Path own = folder.resolve(name + i);
      tasks.add(() -> lane(own, patches, queue, untilFirst));
    }
    List<ChaosResult> results = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(lanes)) {
      for (Future<List<ChaosResult>> lane : executor.invokeAll(tasks)) {
        results.addAll(lane.get());
      }
    }
    return results;
  }

  private static List<ChaosResult> lane(
      Path own, String patches, Queue<Long> seeds, boolean untilFirst) throws Exception {
    List<ChaosResult> results = new ArrayList<>();
    try (ChaosLane lane = new ChaosLane(own, kernel, patches, Path.of("target", "e2e"))) {
      for (Long seed = seeds.poll(); seed != null; seed = seeds.poll()) {
        ChaosResult result = lane.run(ChaosPlan.of(seed));
        System.out.println(result);
        results.add(result);
        if (untilFirst && !result.isGood()) {
          seeds.clear();
        }
      }
      assertEquals(List.of(), lane.growth());
    }
    return results;
  }

  @Test
  void leavesOneWholeMachineWhateverStrikesAtAnyMessage() throws Exception {
    long[] seeds = ChaosPlan.covering();
    assertTrue(seeds.length >= 60);
    List<ChaosResult> results = run("lane", "", LANES, seeds, false);
    assertEquals(
        List.of(), results.stream().filter(r -> !r.isGood()).map(ChaosResult::toString).toList());
    assertTrue(
        results.stream().anyMatch(r -> r.outcome().contains("proven")),
        "no destination was proven not to have started its machine");
    Set<Boundary> missed = new HashSet<>(Boundary.ALL);
    Set<FaultKind> kinds = EnumSet.noneOf(FaultKind.class);
    for (ChaosResult result : results) {
      for (Step step : result.struck()) {
        kinds.add(step.fault());
        missed.remove(step.boundary());
      }
    }
    assertEquals(Set.of(), missed, "no fault struck at these messages");
    assertEquals(EnumSet.allOf(FaultKind.class), kinds);
  }

  /** The oracle's own proof. */
  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "LEAKS_NETWORK_THREADS")
  void findsAPlantedBugWithinTheFixedSeeds(PlantedBug bug) throws Exception {
    Path patches = bug.plant(folder.resolve(bug.name()));
    List<ChaosResult> results = run(bug.name(), patches.toString(), 1, bug.seeds(), true);
    assertTrue(
        results.stream().anyMatch(result -> !result.isGood()),
        () -> bug + " was not found by " + results.size() + " migrations");
  }

  /** The proof of what is looked at when a lane ends. */
  @Test
  void findsThatProcessesHaveGrown() throws Exception {
    String patches = PlantedBug.LEAKS_NETWORK_THREADS.plant(folder.resolve("leak")).toString();
    Path own = folder.resolve("leaking");
    try (ChaosLane lane = new ChaosLane(own, kernel, patches, Path.of("target", "e2e"))) {
      for (int i = 0; i < LEAKING_RUNS; i++) {
        ChaosPlan undisturbed = new ChaosPlan(i, Shape.SHORT, "auto", false, 1, List.of());
        assertEquals(List.of(), lane.run(undisturbed).problems());
      }
      List<String> grown = lane.growth();
      assertTrue(grown.stream().anyMatch(what -> what.contains("descriptors")), grown::toString);
    }
  }
}
