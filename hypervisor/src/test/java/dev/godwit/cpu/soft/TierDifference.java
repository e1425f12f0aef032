package dev.godwit.cpu.soft;

import dev.godwit.cpu.oracle.OracleCase;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Random sequences of instructions in both tiers, compared: what an instruction leaves for the next
 * one, faults in the middle of a region, branches on flags that any instruction has set.
 */
final class TierDifference implements AutoCloseable {
  private static final int MOST_INSNS = 12;

  private final IntegerRunner interpreted = new IntegerRunner(false);
  private final IntegerRunner translated = new IntegerRunner(true);
  private final List<InsnForm> forms = IntegerForms.of64();

  /**
   * Draws and compares sequences.
   *
   * @return descriptions of those that differ
   */
  List<String> differences(long seed, int cases) {
    SplittableRandom random = new SplittableRandom(seed);
    List<String> found = new ArrayList<>();
    for (int i = 0; i < cases; i++) {
      OracleCase c = draw(random);
      String difference = IntegerRunner.difference(c, interpreted.run(c), translated.run(c), 0);
      if (difference != null) {
        found.add("seed " + seed + " case " + i + " interpreted / translated" + difference);
      }
    }
    return found;
  }

  private OracleCase draw(SplittableRandom random) {
    OracleCase c = forms.get(random.nextInt(forms.size())).draw(random, true);
    ByteArrayOutputStream code = new ByteArrayOutputStream();
    code.writeBytes(c.code);
    for (int i = random.nextInt(MOST_INSNS); i > 0; i--) {
      OracleCase more = forms.get(random.nextInt(forms.size())).draw(random, true);
      code.writeBytes(more.code);
      // Some of its pointers have to point to memory.
      int reg = random.nextInt(16);
      c.gpr[reg] = more.gpr[reg];
      if (random.nextInt(4) == 0) {
        code.writeBytes(condition(random));
      }
    }
    c.code = code.toByteArray();
    return c;
  }

  /** Returns code that makes a condition visible: SETcc, CMOVcc or a short Jcc over an INC. */
  private static byte[] condition(SplittableRandom random) {
    int code = random.nextInt(16);
    int reg = random.nextInt(8);
    return switch (random.nextInt(3)) {
      case 0 -> new byte[] {0x41, 0x0F, (byte) (0x90 | code), (byte) (0xC0 | reg)};
      case 1 -> new byte[] {0x4C, 0x0F, (byte) (0x40 | code), (byte) (0xC0 | reg << 3)};
      default -> new byte[] {(byte) (0x70 | code), 3, 0x49, (byte) 0xFF, (byte) (0xC0 | reg)};
    };
  }

  @Override
  public void close() {
    interpreted.close();
    translated.close();
  }

  /** For long runs; arguments: first seed, number of seeds, cases a seed. */
  public static void main(String[] args) {
    long first = Long.parseLong(args[0]);
    boolean agreed = true;
    try (TierDifference tiers = new TierDifference()) {
      for (long seed = first; seed < first + Long.parseLong(args[1]); seed++) {
        List<String> found = tiers.differences(seed, Integer.parseInt(args[2]));
        found.stream().limit(3).forEach(System.out::println);
        agreed &= found.isEmpty();
      }
    }
    System.out.println(agreed ? "all agree" : "DISAGREEMENTS");
    System.exit(agreed ? 0 : 1);
  }
}
