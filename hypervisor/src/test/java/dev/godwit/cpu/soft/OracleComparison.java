package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.cpu.oracle.HostCpu;
import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.oracle.OracleResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiPredicate;
import org.jspecify.annotations.Nullable;

/** Runs cases on the host's CPU and on the software CPU, and fails with what differs. */
final class OracleComparison {
  private static final int SHOWN = 3;

  /**
   * Multiplies the number of cases; for a long run on purpose: {@code -Dgodwit.oracle.scale=100}.
   */
  static final int SCALE = Integer.getInteger("godwit.oracle.scale", 1);

  private OracleComparison() {}

  /**
   * @param exempt cases whose result is not compared, because a test of its own does
   */
  static void check(List<OracleCase> cases, BiPredicate<OracleCase, OracleResult> exempt) {
    List<OracleResult> results = HostCpu.build().run(cases);
    List<String> failures = new ArrayList<>();
    Map<String, Integer> kinds = new TreeMap<>();
    try (SoftRunner runner = new SoftRunner()) {
      for (int i = 0; i < cases.size(); i++) {
        OracleCase c = cases.get(i);
        String difference = difference(runner, c, results.get(i));
        if (difference != null && !exempt.test(c, results.get(i))) {
          failures.add(difference + "\n" + c + "\nhost: " + results.get(i));
          kinds.merge(kind(c.code) + " " + difference.replaceAll(" .*", ""), 1, Integer::sum);
        }
      }
    }
    assertTrue(
        failures.isEmpty(),
        () ->
            failures.size()
                + " of "
                + cases.size()
                + " differ: "
                + kinds
                + "\n"
                + String.join("\n", failures.subList(0, Math.min(SHOWN, failures.size()))));
  }

  private static @Nullable String difference(SoftRunner runner, OracleCase c, OracleResult r) {
    runner.run(c, runner.decode(c));
    return runner.difference(c, r);
  }

  /** The first bytes, without the registers and what follows them. */
  private static String kind(byte[] code) {
    StringBuilder s = new StringBuilder();
    int i = 0;
    while ((code[i] & 0xF0) == 0x40) {
      i++;
    }
    s.append(String.format("%02X", code[i]));
    for (int j = i + 1; j < Math.min(code.length, i + 4); j++) {
      if ((code[j] & 0xF0) != 0x40) {
        s.append(String.format(" %02X", code[j]));
      }
    }
    return s.toString();
  }
}
