package dev.godwit.e2e.oracle;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/** Makes a case that fails as small as it can: fewer instructions, zeros instead of values. */
final class Minimiser {
  private static final int MOST_ROUNDS = 12;
  private static final int RSP = 4;
  private static final long VIRTUAL_8086 = 0x2_0000;

  private final DifferentialOracle oracle;

  Minimiser(DifferentialOracle oracle) {
    this.oracle = oracle;
  }

  /**
   * Returns the smallest case found that still fails; the case itself if it fails alone no more.
   */
  InsnCase minimise(InsnCase failing) {
    InsnCase best = failing;
    for (int round = 0; round < MOST_ROUNDS; round++) {
      List<UnaryOperator<InsnCase>> steps = steps(best);
      List<InsnCase> candidates = new ArrayList<>();
      for (UnaryOperator<InsnCase> step : steps) {
        candidates.add(step.apply(best));
      }
      Set<InsnCase> still = failing(candidates);
      InsnCase all = best;
      InsnCase first = best;
      boolean smaller = false;
      for (int i = steps.size() - 1; i >= 0; i--) {
        if (still.contains(candidates.get(i))) {
          first = candidates.get(i);
          smaller = true;
          all = first.insns().length < best.insns().length ? first : steps.get(i).apply(all);
        }
      }
      if (!smaller) {
        return best;
      }
      best = failing(List.of(all)).isEmpty() ? first : all;
    }
    return best;
  }

  private Set<InsnCase> failing(List<InsnCase> candidates) {
    Set<InsnCase> found = Collections.newSetFromMap(new IdentityHashMap<>());
    if (!candidates.isEmpty()) {
      oracle
          .compare(candidates.getFirst().mode(), candidates)
          .disagreements()
          .forEach(d -> found.add(d.insnCase()));
    }
    return found;
  }

  /** What can be made simpler, most welcome first. */
  private static List<UnaryOperator<InsnCase>> steps(InsnCase c) {
    List<UnaryOperator<InsnCase>> steps = new ArrayList<>();
    for (int i = 0; i < c.insns().length && c.insns().length > 1; i++) {
      int dropped = i;
      steps.add(old -> old.withInsns(without(old.insns(), dropped)));
    }
    if (c.atPageEnd()) {
      steps.add(InsnCase::inside);
    }
    for (int i = 0; i < 16; i++) {
      int register = i;
      if (c.gpr()[i] != 0 && i != RSP) {
        steps.add(old -> old.withGpr(register, 0));
      }
    }
    long plain = 2 | c.rflags() & VIRTUAL_8086;
    if (c.rflags() != plain) {
      steps.add(old -> old.withFlags(plain));
    }
    for (int i = 0; i < c.data().length; i++) {
      if (c.data()[i] != 0) {
        steps.add(old -> old.withData(new byte[old.data().length]));
        break;
      }
    }
    if (c.fx().length != 0) {
      steps.add(old -> old.withFx(new byte[0]));
    }
    return steps;
  }

  private static byte[][] without(byte[][] insns, int index) {
    List<byte[]> kept = new ArrayList<>(List.of(insns));
    kept.remove(index);
    return kept.toArray(byte[][]::new);
  }
}
