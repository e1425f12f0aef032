package dev.godwit.e2e.oracle;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Draws batches of cases, runs them on two machines and reports where they disagree. */
final class DifferentialOracle {
  private final CaseMachine oracle;
  private final CaseMachine subject;
  private final byte[] runner;

  /**
   * @param folder for the runner's build
   */
  DifferentialOracle(CaseMachine oracle, CaseMachine subject, Path folder) {
    this.oracle = oracle;
    this.subject = subject;
    this.runner = RunnerCode.assemble(folder);
  }

  /** A case that the machines disagree about. */
  record Disagreement(InsnCase insnCase, String difference) {
    @Override
    public String toString() {
      return difference + "\n    " + insnCase;
    }
  }

  /** What a batch came to. */
  record Report(int cases, List<Disagreement> disagreements, long oracleNanos, long subjectNanos) {}

  /** Draws about that many cases of a mode. */
  static List<InsnCase> draw(CpuMode mode, long seed, int cases, int statesEach) {
    CaseGenerator generator = new CaseGenerator(mode, seed);
    List<InsnCase> drawn = new ArrayList<>();
    while (drawn.size() < cases) {
      drawn.addAll(generator.draw(statesEach));
    }
    return drawn;
  }

  /** Runs cases on the oracle only. */
  BatchResult ask(CpuMode mode, List<InsnCase> cases) {
    RunnerImage image = new RunnerImage(mode, runner);
    cases.forEach(image::add);
    return oracle.run(image);
  }

  /** Draws and compares about that many cases of a mode. */
  Report batch(CpuMode mode, long seed, int cases, int statesEach) {
    return compare(mode, draw(mode, seed, cases, statesEach));
  }

  /**
   * Compares these cases of one mode; those that do not fit into a batch are left out.
   *
   * <p>Cases that differ are tried again by themselves: what they differ in may be memory outside
   * the windows that a case with an explained difference has left.
   */
  Report compare(CpuMode mode, List<InsnCase> cases) {
    Report all = once(mode, cases);
    Report report = all;
    int before = Integer.MAX_VALUE;
    while (!report.disagreements.isEmpty() && report.disagreements.size() < before) {
      before = report.disagreements.size();
      report = once(mode, report.disagreements.stream().map(Disagreement::insnCase).toList());
    }
    return new Report(all.cases, report.disagreements, all.oracleNanos, all.subjectNanos);
  }

  /**
   * As {@link #compare}, but at face value: without a second try. A case that is an endless loop on
   * both machines (a jump to itself by what it read from memory) is left out.
   */
  Report once(CpuMode mode, List<InsnCase> cases) {
    RunnerImage image = new RunnerImage(mode, runner);
    for (InsnCase c : cases) {
      image.add(c);
    }
    long start = System.nanoTime();
    BatchResult expected = oracle.run(image);
    long middle = System.nanoTime();
    BatchResult actual = subject.run(image);
    long end = System.nanoTime();
    List<Disagreement> found = new ArrayList<>();
    int both = Math.min(expected.completed(), actual.completed());
    for (int i = 0; i < both; i++) {
      InsnCase c = image.cases().get(i);
      String difference = Comparison.difference(c, expected.records(), actual.records(), i);
      if (difference != null
          && Explanations.of(
                  c,
                  expected.records(),
                  actual.records(),
                  i * RunnerImage.RECORD_BYTES,
                  image.start(i))
              == null) {
        found.add(new Disagreement(c, difference));
      }
    }
    boolean endless =
        expected.end().equals(BatchResult.ENDLESS)
            && actual.end().equals(BatchResult.ENDLESS)
            && expected.completed() == actual.completed();
    if (endless && both + 1 < image.cases().size()) {
      Report rest = once(mode, image.cases().subList(both + 1, image.cases().size()));
      found.addAll(rest.disagreements);
      return new Report(
          both + rest.cases,
          found,
          middle - start + rest.oracleNanos,
          end - middle + rest.subjectNanos);
    }
    String died = endless ? null : died(expected, actual);
    if (died != null) {
      found.add(
          new Disagreement(image.cases().get(Math.min(both, image.cases().size() - 1)), died));
    }
    return new Report(both, found, middle - start, end - middle);
  }

  private static @Nullable String died(BatchResult expected, BatchResult actual) {
    boolean fine =
        expected.end().equals(BatchResult.FINISHED) && actual.end().equals(BatchResult.FINISHED);
    return fine
        ? null
        : "oracle: "
            + expected.end()
            + " after "
            + expected.completed()
            + ", soft CPU: "
            + actual.end()
            + " after "
            + actual.completed();
  }
}
