package dev.godwit.e2e.oracle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.soft.SoftCpuEngine;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
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
 * The fixed set: against results that QEMU 10 has given, which every host can compare with (it
 * needs binutils), and, where QEMU 10 or later is installed, against it. {@code
 * dev.godwit.e2e.oracle.OracleCommand} runs millions of cases more.
 */
class DifferentialOracleTest {
  private static final Logger LOG = Logger.getLogger("dev.godwit.cpu.soft");
  private static final int STATES = 2;

  /** The recorded batch of each mode: {@code OracleCommand --record}. */
  private static final int RECORDED_CASES = 1200;

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

  private static RecordedMachine recorded(CpuMode mode) throws IOException {
    try (InputStream in =
        Objects.requireNonNull(
            DifferentialOracleTest.class.getResourceAsStream(mode.name() + ".gz"))) {
      return new RecordedMachine(in.readAllBytes());
    }
  }

  private static void requireQemu() {
    assumeTrue(
        QemuMachine.majorVersion() >= 10,
        "QEMU 10 or later is not here (Debian: qemu-system-x86 of bookworm-backports or trixie);"
            + " the recorded results of it are compared by another test");
  }

  private static String text(DifferentialOracle.Report report) {
    return report.disagreements().stream()
        .limit(5)
        .map(DifferentialOracle.Disagreement::toString)
        .collect(Collectors.joining("\n"));
  }

  @ParameterizedTest
  @EnumSource(CpuMode.class)
  void generatedSequencesEndAsTheyHaveInQemu(CpuMode mode) throws IOException {
    DifferentialOracle oracle =
        new DifferentialOracle(
            recorded(mode), new SoftMachine(SoftCpuEngine::new, CpuModel.X86_64_V2), folder);
    DifferentialOracle.Report report =
        oracle.once(mode, DifferentialOracle.draw(mode, 2026, RECORDED_CASES, STATES));
    assertTrue(report.cases() > RECORDED_CASES / 2, "cases: " + report.cases());
    assertTrue(report.disagreements().isEmpty(), () -> text(report));
  }

  @ParameterizedTest
  @EnumSource(CpuMode.class)
  void generatedSequencesEndAsInQemu(CpuMode mode) {
    requireQemu();
    DifferentialOracle.Report report = oracle(CpuModel.X86_64_V2).batch(mode, 2026, CASES, STATES);
    assertTrue(report.cases() > 900, "cases: " + report.cases());
    assertTrue(report.disagreements().isEmpty(), () -> text(report));
  }

  @Test
  void theFirstModelHasWhatQemusHas() {
    requireQemu();
    DifferentialOracle.Report report =
        oracle(CpuModel.X86_64_V1).batch(CpuMode.LONG64, 2027, CASES, STATES);
    assertTrue(report.disagreements().isEmpty(), () -> text(report));
  }

  @Test
  void keptCasesEndAsInQemu() throws IOException {
    requireQemu();
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
  void oneWrongFlagIsFoundAndTheCaseMadeSmall() throws IOException {
    SoftMachine wrong = new SoftMachine(PlantedEngine::create, CpuModel.X86_64_V2);
    DifferentialOracle.Report report =
        new DifferentialOracle(recorded(CpuMode.LONG64), wrong, folder)
            .once(
                CpuMode.LONG64,
                DifferentialOracle.draw(CpuMode.LONG64, 2026, RECORDED_CASES, STATES));
    assertFalse(report.disagreements().isEmpty(), "the bug is not found in the fixed seeds");
    DifferentialOracle right =
        new DifferentialOracle(
            new SoftMachine(SoftCpuEngine::new, CpuModel.X86_64_V2), wrong, folder);
    InsnCase small = new Minimiser(right).minimise(report.disagreements().getFirst().insnCase());
    assertEquals(1, small.insns().length, small::toString);
    assertEquals(0xF6, InsnBytes.opcode(small.insns()[0]) & ~1, small::toString);
    InsnCase read = InsnCase.parse(small.toString());
    assertEquals(small.toString(), read.toString());
    assertEquals(1, right.compare(read.mode(), List.of(read)).disagreements().size());
  }
}
