package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.cpu.oracle.OracleResult;
import dev.godwit.cpu.soft.IntegerOracle.Spoiler;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The integer instructions against the CPU that the tests run on; {@link IntegerOracle#main} is for
 * long runs.
 */
@Timeout(120)
class IntegerOracleTest {
  private static final long SEED = 20261121;
  private static final int CASES_A_FORM = 60;
  private static final int TRANSLATED_CASES_A_FORM = 12;

  private static IntegerOracle oracle;

  @BeforeAll
  static void start() {
    oracle = new IntegerOracle(false);
  }

  @AfterAll
  static void stop() {
    oracle.close();
  }

  @Test
  void everyFormOf64BitModeDoesWhatTheHostDoes() {
    assertEquals(List.of(), oracle.disagreements(SEED, CASES_A_FORM, true, IntegerOracle.HONEST));
  }

  @Test
  void everyFormOf32BitModeDoesWhatTheHostDoes() {
    assertEquals(List.of(), oracle.disagreements(SEED, CASES_A_FORM, false, IntegerOracle.HONEST));
  }

  @Test
  void everyFormOf64BitModeDoesWhatTheHostDoesWhenTranslated() {
    try (IntegerOracle translated = new IntegerOracle(true)) {
      assertEquals(
          List.of(),
          translated.disagreements(SEED, TRANSLATED_CASES_A_FORM, true, IntegerOracle.HONEST));
    }
  }

  @Test
  void oneWrongFlagInOneFormIsFoundAndNamed() {
    Spoiler wrongAuxiliaryCarryAfterCarryIn =
        (form, c, result) ->
            form.name().equals("adc rm,r") && (c.rflags & Flags.CF) != 0
                ? withFlags(result, result.rflags() ^ Flags.AF)
                : result;
    List<String> found =
        oracle.disagreements(SEED, CASES_A_FORM, true, wrongAuxiliaryCarryAfterCarryIn);
    assertEquals(1, found.size(), found::toString);
    assertTrue(found.getFirst().startsWith("adc rm,r: "), found::toString);
    assertTrue(found.getFirst().contains("flags differ in 10:"), found::toString);
  }

  @Test
  void aWrongRegisterOrByteOrFaultIsFound() {
    assertFalse(disagreementsWith((form, c, r) -> withRegister15(r, r.gpr()[15] ^ 1)).isEmpty());
    assertFalse(disagreementsWith((form, c, r) -> withByte255(r, r.mem()[255] ^ 1)).isEmpty());
    assertFalse(disagreementsWith((form, c, r) -> withVector(r, GuestFault.UD)).isEmpty());
  }

  private static List<String> disagreementsWith(Spoiler spoiler) {
    return oracle.disagreements(SEED, 1, true, spoiler);
  }

  private static OracleResult withFlags(OracleResult r, long rflags) {
    return new OracleResult(
        r.signal(),
        r.vector(),
        r.errorCode(),
        r.cr2(),
        r.rip(),
        r.gpr(),
        rflags,
        r.changedOutside(),
        r.fx(),
        r.mem());
  }

  private static OracleResult withRegister15(OracleResult r, long value) {
    r.gpr()[15] = value;
    return r;
  }

  private static OracleResult withByte255(OracleResult r, int value) {
    r.mem()[255] = (byte) value;
    return r;
  }

  private static OracleResult withVector(OracleResult r, int vector) {
    return new OracleResult(
        r.signal(),
        vector,
        r.errorCode(),
        r.cr2(),
        r.rip(),
        r.gpr(),
        r.rflags(),
        r.changedOutside(),
        r.fx(),
        r.mem());
  }
}
