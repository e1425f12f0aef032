package dev.godwit.e2e.oracle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.soft.SoftCpuEngine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Needs QEMU and binutils; {@code dev.godwit.e2e.oracle.OracleCommand} runs millions of cases more.
 */
class DifferentialOracleTest {
  private static final Logger LOG = Logger.getLogger("dev.godwit.cpu.soft");
  private static final int STATES = 2;

  /** In every mode; sequences that fit into the code region bound it too. */
  private static final int CASES = 5000;

  @TempDir static Path folder;

  @BeforeAll
  static void expectManyUndefinedInstructions() {
    LOG.setLevel(Level.OFF);
  }

  @AfterAll
  static void logAgain() {
    LOG.setLevel(null);
  }

  private static DifferentialOracle oracle(CpuModel model) {
    return new DifferentialOracle(
        new QemuMachine(folder, model), new SoftMachine(SoftCpuEngine::new, model), folder);
  }

  private static String text(DifferentialOracle.Report report) {
    return report.disagreements().stream()
        .limit(5)
        .map(DifferentialOracle.Disagreement::toString)
        .collect(Collectors.joining("\n"));
  }

  @ParameterizedTest
  @EnumSource(CpuMode.class)
  void generatedSequencesEndAsInQemu(CpuMode mode) {
    DifferentialOracle.Report report = oracle(CpuModel.X86_64_V2).batch(mode, 2026, CASES, STATES);
    assertTrue(report.cases() > 900, "cases: " + report.cases());
    assertTrue(report.disagreements().isEmpty(), () -> text(report));
  }

  @Test
  void theFirstModelHasWhatQemusHas() {
    DifferentialOracle.Report report =
        oracle(CpuModel.X86_64_V1).batch(CpuMode.LONG64, 2027, CASES, STATES);
    assertTrue(report.disagreements().isEmpty(), () -> text(report));
  }

  @Test
  void keptCasesEndAsInQemu() throws IOException {
    List<InsnCase> cases = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(
                Objects.requireNonNull(
                    DifferentialOracleTest.class.getResourceAsStream("kept-cases.txt")),
                StandardCharsets.UTF_8))) {
      lines
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .forEach(line -> cases.add(InsnCase.parse(line)));
    }
    assertFalse(cases.isEmpty());
    for (CpuMode mode : CpuMode.values()) {
      List<InsnCase> ofMode = cases.stream().filter(c -> c.mode() == mode).toList();
      if (!ofMode.isEmpty()) {
        DifferentialOracle.Report report = oracle(CpuModel.X86_64_V2).compare(mode, ofMode);
        assertEquals(ofMode.size(), report.cases());
        assertTrue(report.disagreements().isEmpty(), () -> text(report));
      }
    }
  }

  @Test
  void oneWrongFlagIsFoundAndTheCaseMadeSmall() {
    DifferentialOracle planted =
        new DifferentialOracle(
            new QemuMachine(folder, CpuModel.X86_64_V2),
            new SoftMachine(PlantedEngine::create, CpuModel.X86_64_V2),
            folder);
    DifferentialOracle.Report report = planted.batch(CpuMode.LONG64, 2026, CASES, STATES);
    assertFalse(report.disagreements().isEmpty(), "the bug is not found in the seeds of this mode");
    InsnCase small = new Minimiser(planted).minimise(report.disagreements().getFirst().insnCase());
    assertEquals(1, small.insns().length, small::toString);
    assertEquals(0xF6, InsnBytes.opcode(small.insns()[0]) & ~1, small::toString);
    InsnCase read = InsnCase.parse(small.toString());
    assertEquals(small.toString(), read.toString());
    assertEquals(1, planted.compare(read.mode(), List.of(read)).disagreements().size());
  }
}
