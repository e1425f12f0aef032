package dev.godwit.e2e.oracle;

import dev.godwit.cpu.CpuModel;
import dev.godwit.cpu.soft.SoftCpuEngine;
import dev.godwit.e2e.guest.WorkFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;

/** The command: millions of cases from a seed; e2e/README.md lists its options. */
public final class OracleCommand {
  private OracleCommand() {}

  public static void main(String[] args) throws IOException {
    boolean agreed;
    try (WorkFolder folder = WorkFolder.create("godwit-oracle")) {
      agreed = run(args, folder.path());
    }
    System.exit(agreed ? 0 : 1);
  }

  private static boolean run(String[] args, Path folder) throws IOException {
    Logger.getLogger("dev.godwit.cpu.soft").setLevel(Level.OFF);
    Map<String, String> options = new LinkedHashMap<>();
    for (int i = 0; i + 1 < args.length; i += 2) {
      options.put(args[i], args[i + 1]);
    }
    long seed = Long.parseLong(options.getOrDefault("--seed", "1"));
    long wanted = Long.parseLong(options.getOrDefault("--cases", "1000000"));
    int states = Integer.parseInt(options.getOrDefault("--states", "6"));
    String only = options.getOrDefault("--mode", "");
    int show = Integer.parseInt(options.getOrDefault("--show", "20"));
    CpuModel model = CpuModel.named(options.getOrDefault("--cpu", "x86-64-v2"));
    DifferentialOracle oracle =
        new DifferentialOracle(
            new QemuMachine(folder, model), new SoftMachine(SoftCpuEngine::new, model), folder);
    if (options.containsKey("--file")) {
      return file(oracle, Path.of(options.get("--file")));
    }
    if (options.containsKey("--record")) {
      record(oracle, seed, (int) wanted, states, Path.of(options.get("--record")));
      return true;
    }
    long cases = 0;
    long disagreements = 0;
    while (cases < wanted) {
      for (CpuMode mode : CpuMode.values()) {
        if (!only.isEmpty() && !mode.name().equals(only)) {
          continue;
        }
        DifferentialOracle.Report report =
            oracle.batch(
                mode,
                seed,
                Math.min(mode.codeSlots() * 2 / 3 * states, RunnerImage.MOST_CASES),
                states);
        cases += report.cases();
        disagreements += report.disagreements().size();
        System.out.printf(
            "%s seed %d: %d cases, %d differ; QEMU %d ms, soft CPU %d ms%n",
            mode,
            seed,
            report.cases(),
            report.disagreements().size(),
            report.oracleNanos() / 1_000_000,
            report.subjectNanos() / 1_000_000);
        print(oracle, report, show);
      }
      seed++;
    }
    System.out.printf("%d cases, %d differ%n", cases, disagreements);
    return disagreements == 0;
  }

  /** Keeps what QEMU says of one batch in every mode, for machines with another QEMU. */
  private static void record(DifferentialOracle oracle, long seed, int cases, int states, Path into)
      throws IOException {
    for (CpuMode mode : CpuMode.values()) {
      List<InsnCase> drawn = DifferentialOracle.draw(mode, seed, cases, states);
      Files.write(into.resolve(mode.name() + ".gz"), RecordedMachine.pack(oracle.ask(mode, drawn)));
    }
  }

  /** Compares kept cases, one a line; lines that start with # are comments. */
  private static boolean file(DifferentialOracle oracle, Path path) throws IOException {
    Map<CpuMode, List<InsnCase>> byMode = new LinkedHashMap<>();
    for (String line : Files.readAllLines(path)) {
      if (!line.isBlank() && !line.startsWith("#")) {
        InsnCase c = InsnCase.parse(line);
        byMode.computeIfAbsent(c.mode(), mode -> new ArrayList<>()).add(c);
      }
    }
    boolean agreed = true;
    for (Map.Entry<CpuMode, List<InsnCase>> entry : byMode.entrySet()) {
      DifferentialOracle.Report report = oracle.compare(entry.getKey(), entry.getValue());
      System.out.printf("%s: %d cases%n", entry.getKey(), report.cases());
      print(oracle, report, Integer.MAX_VALUE);
      agreed &= report.disagreements().isEmpty();
    }
    return agreed;
  }

  /** Prints one disagreement of each sequence of instructions, made small, ready to be kept. */
  private static void print(DifferentialOracle oracle, DifferentialOracle.Report report, int show) {
    Map<String, DifferentialOracle.Disagreement> each = new LinkedHashMap<>();
    for (DifferentialOracle.Disagreement d : report.disagreements()) {
      each.putIfAbsent(d.insnCase().code(), d);
    }
    Minimiser minimiser = new Minimiser(oracle);
    each.values().stream()
        .limit(show)
        .forEach(
            d -> {
              System.out.println("  " + d.insnCase().code() + " " + d.difference());
              System.out.println("    " + minimiser.minimise(d.insnCase()));
            });
  }
}
