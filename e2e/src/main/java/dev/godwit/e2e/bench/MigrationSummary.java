package dev.godwit.e2e.bench;

import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Medians of the migrations of a kind. Those that failed are counted and left out.
 *
 * @param kind system, setting, and for Godwit whether first or later ones
 * @param count of those that moved the guest
 * @param failed of those that did not
 * @param why the last failure
 * @param totalMillis see {@link MigrationSample}, and so on
 */
record MigrationSummary(
    String kind,
    int count,
    int failed,
    @Nullable String why,
    double totalMillis,
    double gapMillis,
    double downtimeMillis,
    double sentMib,
    double cpuSeconds) {

  private static final double MIB = 1 << 20;

  static MigrationSummary of(
      String kind, List<MigrationSample> samples, Predicate<MigrationSample> which) {
    List<MigrationSample> all = samples.stream().filter(which).toList();
    List<MigrationSample> good = all.stream().filter(s -> s.fault() == null).toList();
    return new MigrationSummary(
        kind,
        good.size(),
        all.size() - good.size(),
        all.stream().map(MigrationSample::fault).filter(f -> f != null).findAny().orElse(null),
        median(good, MigrationSample::totalMillis),
        median(good, MigrationSample::gapMillis),
        median(good, s -> s.moved().downtimeMillis()),
        median(good, s -> s.moved().bytes() / MIB),
        median(good, MigrationSample::cpuSeconds));
  }

  private static double median(
      List<MigrationSample> samples, ToDoubleFunction<MigrationSample> of) {
    return Median.of(samples.stream().mapToDouble(of).toArray());
  }

  /** Returns the best of each figure, whichever setting gave it; null if none moved its guest. */
  static @Nullable MigrationSummary best(String kind, List<MigrationSummary> of) {
    List<MigrationSummary> good = of.stream().filter(s -> s.count > 0).toList();
    return good.isEmpty()
        ? null
        : new MigrationSummary(
            kind,
            good.size(),
            0,
            null,
            least(good, MigrationSummary::totalMillis),
            least(good, MigrationSummary::gapMillis),
            least(good, MigrationSummary::downtimeMillis),
            least(good, MigrationSummary::sentMib),
            least(good, MigrationSummary::cpuSeconds));
  }

  private static double least(List<MigrationSummary> of, ToDoubleFunction<MigrationSummary> what) {
    return of.stream().mapToDouble(what).min().orElse(Double.NaN);
  }

  /** Returns this one's figures as multiples of another's. */
  MigrationSummary dividedBy(MigrationSummary other) {
    return new MigrationSummary(
        kind + " / " + other.kind,
        count,
        0,
        null,
        totalMillis / other.totalMillis,
        gapMillis / other.gapMillis,
        downtimeMillis / other.downtimeMillis,
        sentMib / other.sentMib,
        cpuSeconds / other.cpuSeconds);
  }
}
