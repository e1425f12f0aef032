package dev.godwit.e2e.chaos;

import dev.godwit.e2e.chaos.ChaosPlan.Step;
import java.util.List;
import java.util.Map;

/**
 * What came of a plan.
 *
 * @param plan what was to go wrong
 * @param struck what did; a plan's later steps may never have their moment
 * @param seen which messages passed, and how often
 * @param outcome where the machine is now and what was said about it
 * @param problems what the oracle found; nothing if all is well
 * @param millis how long it took
 * @param longestGapMillis the longest time without a heartbeat
 * @param noticedMillis from the last fault until the source had an end, or said that it waits
 */
record ChaosResult(
    ChaosPlan plan,
    List<Step> struck,
    Map<String, Integer> seen,
    String outcome,
    List<String> problems,
    long millis,
    long longestGapMillis,
    long noticedMillis) {
  /** What came of a plan that could not be carried out. */
  static ChaosResult failed(ChaosPlan plan, String problem) {
    return new ChaosResult(plan, List.of(), Map.of(), "failed", List.of(problem), 0, 0, 0);
  }

  boolean isGood() {
    return problems.isEmpty();
  }

  @Override
  public String toString() {
    return "seed %d, %d ms, %s%s -> %s%s"
        .formatted(
            plan.seed(),
            millis,
            plan,
            struck.size() < plan.steps().size() ? " (" + struck.size() + " struck)" : "",
            outcome,
            problems.isEmpty() ? "" : "; WRONG: " + String.join("; ", problems));
  }
}
