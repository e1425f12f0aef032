package dev.godwit.cpu.soft.fpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.cpu.oracle.HostCpu;
import dev.godwit.cpu.oracle.OracleCase;
import dev.godwit.cpu.oracle.OracleResult;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongBinaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Scalar SSE arithmetic gives the bits and the MXCSR that the host's CPU gives. */
final class SseArithmeticTest {
  private static final int CASES = 2_000;

  private final SseControl control = new SseControl();
  private final SseDouble doubles = new SseDouble(control);
  private final SseSingle singles = new SseSingle(control);
  private final SseConvert convert = new SseConvert(control);

  /** An instruction on xmm0 and xmm1, with xmm0 (or eax, rax) as the result. */
  private record Operation(String name, String code, boolean single, LongBinaryOperator soft) {}

  private List<Operation> operations() {
    List<Operation> list = new ArrayList<>();
    list.add(new Operation("addsd", "F20F58C1", false, doubles::add));
    list.add(new Operation("mulsd", "F20F59C1", false, doubles::multiply));
    list.add(new Operation("subsd", "F20F5CC1", false, doubles::subtract));
    list.add(new Operation("minsd", "F20F5DC1", false, doubles::min));
    list.add(new Operation("divsd", "F20F5EC1", false, doubles::divide));
    list.add(new Operation("maxsd", "F20F5FC1", false, doubles::max));
    list.add(new Operation("sqrtsd", "F20F51C1", false, (x, y) -> doubles.sqrt(y)));
    list.add(new Operation("addss", "F30F58C1", true, (x, y) -> singles.add((int) x, (int) y)));
    list.add(
        new Operation("mulss", "F30F59C1", true, (x, y) -> singles.multiply((int) x, (int) y)));
    list.add(
        new Operation("subss", "F30F5CC1", true, (x, y) -> singles.subtract((int) x, (int) y)));
    list.add(new Operation("minss", "F30F5DC1", true, (x, y) -> singles.min((int) x, (int) y)));
    list.add(new Operation("divss", "F30F5EC1", true, (x, y) -> singles.divide((int) x, (int) y)));
    list.add(new Operation("maxss", "F30F5FC1", true, (x, y) -> singles.max((int) x, (int) y)));
    list.add(new Operation("sqrtss", "F30F51C1", true, (x, y) -> singles.sqrt((int) y)));
    for (int i = 0; i < 8; i++) {
      int predicate = i;
      list.add(
          new Operation(
              "cmpsd", "F20FC2C10" + i, false, (x, y) -> doubles.compare(x, y, predicate)));
      list.add(
          new Operation(
              "cmpss",
              "F30FC2C10" + i,
              true,
              (x, y) -> singles.compare((int) x, (int) y, predicate)));
    }
    list.add(
        new Operation(
            "cvtsd2ss", "F20F5AC1", false, (x, y) -> keepHigh(x, convert.doubleToSingle(y))));
    list.add(
        new Operation("cvtss2sd", "F30F5AC1", true, (x, y) -> convert.singleToDouble((int) y)));
    list.add(
        new Operation(
            "cvtsd2si",
            "F20F2DC1 660F6EC0",
            false,
            (x, y) -> convert.doubleToInteger(y, 32, false) & 0xFFFF_FFFFL));
    list.add(
        new Operation(
            "cvttsd2si",
            "F2480F2CC1 66480F6EC0",
            false,
            (x, y) -> convert.doubleToInteger(y, 64, true)));
    list.add(
        new Operation(
            "cvtss2si",
            "F3480F2DC1 66480F6EC0",
            true,
            (x, y) -> convert.singleToInteger((int) y, 64, false)));
    list.add(
        new Operation(
            "cvttss2si",
            "F30F2CC1 660F6EC0",
            true,
            (x, y) -> convert.singleToInteger((int) y, 32, true) & 0xFFFF_FFFFL));
    list.add(
        new Operation(
            "cvtsi2sd", "66480F7EC8 F2480F2AC0", false, (x, y) -> convert.integerToDouble(y)));
    list.add(
        new Operation(
            "cvtsi2ss",
            "66480F7EC8 F3480F2AC0",
            false,
            (x, y) -> keepHigh(x, convert.integerToSingle(y))));
    return list;
  }

  @ParameterizedTest
  @ValueSource(longs = {1})
  void equalsTheHostInEveryRoundingModeAndMask(long seed) {
    FloatSamples samples = new FloatSamples(seed);
    List<OracleCase> cases = new ArrayList<>();
    List<Operation> operations = operations();
    for (Operation operation : operations) {
      for (int i = 0; i < CASES; i++) {
        cases.add(newCase(operation, samples));
      }
    }
    List<OracleResult> results = HostCpu.build().run(cases);
    List<String> failures = new ArrayList<>();
    for (int i = 0; i < cases.size(); i++) {
      check(operations.get(i / CASES), cases.get(i), results.get(i), failures);
    }
    assertTrue(
        failures.isEmpty(),
        () ->
            failures.size()
                + " differ, such as\n"
                + String.join("\n", failures.subList(0, Math.min(8, failures.size()))));
  }

  private static OracleCase newCase(Operation operation, FloatSamples samples) {
    OracleCase c = new OracleCase();
    c.code = hex(operation.code);
    long x = operation.single ? samples.nextSingle() & 0xFFFF_FFFFL : samples.nextDouble();
    long y = operation.single ? samples.nextSingle() & 0xFFFF_FFFFL : samples.nextDouble();
    if (operation.name.startsWith("cvtsi")) {
      y = samples.bits() >> samples.below(64);
    }
    c.fx.putLong(160, x).putLong(176, samples.below(16) == 0 ? x : y);
    // Masks all set, none, or random; PE flagged beforehand now and then; DAZ and FTZ in one
    // eighth.
    int masks = samples.below(4) == 0 ? samples.below(64) : 0x3F;
    int mxcsr = masks << 7 | samples.below(4) << 13 | samples.below(2) * 0x20;
    if (samples.below(3) == 0) {
      mxcsr &= ~0x6000;
    }
    if (samples.below(4) == 0) {
      mxcsr |= samples.below(2) << 6 | samples.below(2) << 15;
    }
    c.fx.putInt(24, mxcsr);
    return c;
  }

  private void check(Operation operation, OracleCase c, OracleResult r, List<String> failures) {
    control.setMxcsr(c.fx.getInt(24));
    long x = c.fx.getLong(160);
    long result = operation.soft.applyAsLong(x, c.fx.getLong(176));
    if (operation.single && !operation.name.startsWith("cvt")) {
      result = keepHigh(x, (int) result);
    }
    boolean fault = control.commit();
    if (fault) {
      result = x;
    }
    if (fault != (r.vector() == 19)
        || r.fx().getInt(24) != control.mxcsr()
        || !fault && r.fx().getLong(160) != result) {
      failures.add(
          String.format(
              "%s %x,%x mxcsr=%04x: soft %x mxcsr=%04x fault=%b, host %x mxcsr=%04x vector=%d",
              operation.name,
              x,
              c.fx.getLong(176),
              c.fx.getInt(24),
              result,
              control.mxcsr(),
              fault,
              r.fx().getLong(160),
              r.fx().getInt(24),
              r.vector()));
    }
  }

  @Test
  void approximatesReciprocalsWithinTheDocumentedError() {
    FloatSamples samples = new FloatSamples(3);
    for (int i = 0; i < 200_000; i++) {
      int bits = samples.nextSingle();
      float x = Float.intBitsToFloat(bits);
      if (Float.isFinite(x) && Math.abs(x) >= Float.MIN_NORMAL) {
        if (Math.abs(1.0 / x) >= Float.MIN_NORMAL) {
          assertClose(1.0 / x, SseConvert.reciprocal(bits));
        }
        if (x > 0) {
          assertClose(1 / Math.sqrt(x), SseConvert.reciprocalSqrt(bits));
        }
      }
    }
    assertEquals(0xFFC0_0000, SseConvert.reciprocalSqrt(0xBF80_0000));
    assertEquals(0xFF80_0000, SseConvert.reciprocal(0x8000_0000));
    assertEquals(0x8000_0000, SseConvert.reciprocal(0xFF80_0000));
    assertEquals(0, SseConvert.reciprocalSqrt(0x7F80_0000));
    assertEquals(0x7FC0_0001, SseConvert.reciprocal(0x7F80_0001));
  }

  private static void assertClose(double exact, int approximation) {
    double error = Math.abs(Float.intBitsToFloat(approximation) / exact - 1);
    assertTrue(error <= 1.5 / 4096, () -> "error " + error + " for " + exact);
  }

  private static long keepHigh(long x, int low) {
    return x & 0xFFFF_FFFF_0000_0000L | low & 0xFFFF_FFFFL;
  }

  private static byte[] hex(String digits) {
    return java.util.HexFormat.of().parseHex(digits.replace(" ", ""));
  }
}
