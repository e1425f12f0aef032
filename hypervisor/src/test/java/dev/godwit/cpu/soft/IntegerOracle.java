package dev.godwit.cpu.soft;

import dev.godwit.cpu.oracle.HostCpu;
import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.oracle.OracleResult;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Random cases of every {@link IntegerForms form} on the host's CPU and on the software CPU,
 * compared.
 */
final class IntegerOracle implements AutoCloseable {
  /** Changes what the software CPU gave before it is compared: to test the test. */
  interface Spoiler {
    OracleResult spoil(InsnForm form, OracleCase c, OracleResult result);
  }

  /** Changes nothing. */
  static final Spoiler HONEST = (form, c, result) -> result;

  private final HostCpu host = HostCpu.build();
  private final IntegerRunner soft;

  /**
   * Makes one.
   *
   * @param translated whether 64-bit code is translated rather than interpreted
   */
  IntegerOracle(boolean translated) {
    this.soft = new IntegerRunner(translated);
  }

  /**
   * Draws and compares cases.
   *
   * @return a description of the first disagreement of each form
   */
  List<String> disagreements(long seed, int casesAForm, boolean longMode, Spoiler spoiler) {
    SplittableRandom random = new SplittableRandom(seed);
    List<InsnForm> forms = longMode ? IntegerForms.of64() : IntegerForms.of32();
    List<OracleCase> cases = new ArrayList<>();
    for (InsnForm form : forms) {
      for (int i = 0; i < casesAForm; i++) {
        cases.add(form.draw(random, longMode));
      }
    }
    List<OracleResult> expected = host.run(cases);
    List<String> found = new ArrayList<>();
    for (int f = 0; f < forms.size(); f++) {
      InsnForm form = forms.get(f);
      int wrong = 0;
      String first = "";
      for (int i = f * casesAForm; i < (f + 1) * casesAForm; i++) {
        OracleCase c = cases.get(i);
        OracleResult actual = spoiler.spoil(form, c, soft.run(c));
        OracleResult host = expected.get(i);
        if (form.has(InsnForm.TWO_READS) && faultsAtOperand(host) && faultsAtOperand(actual)) {
          // Both are not mapped: whichever comes first.
          host = host.withCr2(actual.cr2());
        }
        String difference = IntegerRunner.difference(c, host, actual, form.undefined());
        if (difference != null && wrong++ == 0) {
          first = difference;
        }
      }
      if (wrong > 0) {
        found.add(
            form.name()
                + ": "
                + wrong
                + " of "
                + casesAForm
                + " differ, seed "
                + seed
                + "; "
                + first);
      }
    }
    return found;
  }

  /**
   * Says whether a page fault is where nothing is mapped, in what RSI or RDI points to, be
   * addresses of 16 bits or more.
   */
  private static boolean faultsAtOperand(OracleResult result) {
    long rsi = result.gpr()[6];
    long rdi = result.gpr()[7];
    return result.vector() == GuestFault.PF
        && !isIn(OracleCase.CODE_BASE, result.cr2())
        && !isIn(OracleCase.DATA_BASE, result.cr2())
        && ((result.cr2() - rsi & 0xFFFF) < Long.BYTES
            || (result.cr2() - rdi & 0xFFFF) < Long.BYTES);
  }

  private static boolean isIn(long page, long address) {
    return address >= page && address < page + OracleCase.PAGE_BYTES;
  }

  @Override
  public void close() {
    soft.close();
  }

  /**
   * For long runs; arguments: first seed, number of seeds, cases a form, optionally "translated".
   * Exit status 1 if anything disagrees.
   */
  public static void main(String[] args) {
    long first = Long.parseLong(args[0]);
    long seeds = Long.parseLong(args[1]);
    int casesAForm = Integer.parseInt(args[2]);
    boolean agreed = true;
    try (IntegerOracle oracle = new IntegerOracle(args.length > 3)) {
      for (long seed = first; seed < first + seeds; seed++) {
        for (boolean longMode : new boolean[] {true, false}) {
          List<String> found = oracle.disagreements(seed, casesAForm, longMode, HONEST);
          found.forEach(System.out::println);
          agreed &= found.isEmpty();
        }
      }
    }
    System.out.println(agreed ? "all agree" : "DISAGREEMENTS");
    System.exit(agreed ? 0 : 1);
  }
}
