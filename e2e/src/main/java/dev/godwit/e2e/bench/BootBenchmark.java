package dev.godwit.e2e.bench;

import com.google.gson.GsonBuilder;
import dev.godwit.guest.GuestAssets;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How long a stock kernel takes to its shell: Godwit as a user starts it (launcher and JVM
 * included) and QEMU's TCG, in turns, with the same kernel, initramfs, command line, memory and
 * cores.
 *
 * <p>Usage: {@code BootBenchmark [--rounds N] [--memory MIB] [--cmdline TEXT] [--no-qemu] [--check]
 * [--json]}, from the project's folder. With {@code --check} the exit status is 1 if Godwit's
 * median is above 25 s.
 */
public final class BootBenchmark {
  private static final double ALLOWED_SECONDS = 25;

  /** What counts as booted: the guest program is process 1 and is about to start the shell. */
  private static final String READY = "GODWIT-GUEST READY ";

  /** A guest that takes longer is not slow but hangs. */
  private static final long HANGS_SECONDS = 300;

  private static final String CORES = "0,1";

  private int rounds = 5;
  private int memoryMib = 256;
  private String commandLine = "console=ttyS0 quiet cryptomgr.notests";
  private boolean qemu = true;
  private boolean check;
  private boolean json;

  private BootBenchmark(String[] args) {
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "--rounds" -> rounds = Integer.parseInt(args[++i]);
        case "--memory" -> memoryMib = Integer.parseInt(args[++i]);
        case "--cmdline" -> commandLine = args[++i];
        case "--no-qemu" -> qemu = false;
        case "--check" -> check = true;
        case "--json" -> json = true;
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
  }

  public static void main(String[] args) throws Exception {
    System.exit(new BootBenchmark(args).run());
  }

  private int run() throws Exception {
    GuestAssets assets = GuestAssets.prepare(System.err::println);
    Path runDirectory = Files.createTempDirectory("godwit-bench");
    try {
      return measure(assets, runDirectory);
    } finally {
      Files.deleteIfExists(runDirectory.resolve(".lock"));
      Files.delete(runDirectory);
    }
  }

  private int measure(GuestAssets assets, Path runDirectory) throws Exception {
    List<Double> godwits = new ArrayList<>();
    List<Double> qemus = new ArrayList<>();
    say(
        assets.kernelVersion()
            + ", "
            + memoryMib
            + " MiB, cores "
            + CORES
            + ", '"
            + commandLine
            + "': seconds to the shell");
    say(String.format(Locale.ROOT, "%-8s %10s %10s %8s", "round", "godwit", "QEMU TCG", "ratio"));
    for (int i = 0; i <= rounds; i++) {
      double godwit = boot(godwit(assets), runDirectory);
      double tcg = qemu ? boot(qemu(assets), runDirectory) : Double.NaN;
      say(row(i == 0 ? "warm-up" : Integer.toString(i), godwit, tcg));
      if (i > 0) {
        godwits.add(godwit);
        qemus.add(tcg);
      }
    }
    double godwit = median(godwits);
    double tcg = median(qemus);
    boolean enough = godwit <= ALLOWED_SECONDS;
    say(row("median", godwit, tcg));
    say("allowed: " + ALLOWED_SECONDS + " s: " + (enough ? "met" : "MISSED"));
    if (json) {
      Result result =
          new Result(
              assets.kernelVersion(),
              memoryMib,
              commandLine,
              godwits,
              qemu ? qemus : null,
              godwit,
              qemu ? tcg : null,
              ALLOWED_SECONDS,
              enough);
      System.out.println(new GsonBuilder().disableHtmlEscaping().create().toJson(result));
    }
    return check && !enough ? 1 : 0;
  }

  /**
   * What {@code --json} prints; QEMU's are absent without it.
   *
   * @param godwitSeconds each measured round
   * @param qemuSeconds each measured round
   * @param withinAllowed whether Godwit's median is
   */
  private record Result(
      String kernel,
      int memoryMib,
      String commandLine,
      List<Double> godwitSeconds,
      @Nullable List<Double> qemuSeconds,
      double godwitMedianSeconds,
      @Nullable Double qemuMedianSeconds,
      double allowedSeconds,
      boolean withinAllowed) {}

  private List<String> godwit(GuestAssets assets) {
    List<String> command = new ArrayList<>(List.of("taskset", "-c", CORES));
    command.addAll(GodwitGuest.boot("boot-benchmark", assets, commandLine, memoryMib));
    return command;
  }

  private List<String> qemu(GuestAssets assets) {
    return List.of(
        "taskset",
        "-c",
        CORES,
        "qemu-system-x86_64",
        "-accel",
        "tcg",
        "-nodefaults",
        "-display",
        "none",
        "-serial",
        "stdio",
        "-no-reboot",
        "-m",
        Integer.toString(memoryMib),
        "-kernel",
        assets.kernel().toString(),
        "-initrd",
        assets.initrd().toString(),
        "-append",
        commandLine);
  }

  /** Boots it once; returns how many seconds that took from the start of the process. */
  private static double boot(List<String> command, Path runDirectory)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(Map.of("GODWIT_RUN_DIR", runDirectory.toString()));
    builder.redirectInput(Path.of("/dev/null").toFile());
    builder.redirectError(ProcessBuilder.Redirect.INHERIT);
    long start = System.nanoTime();
    Process process = builder.start();
    Thread watchdog = Thread.ofVirtual().start(() -> endIfItHangs(process));
    try (BufferedReader lines = process.inputReader(StandardCharsets.ISO_8859_1)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        if (line.contains(READY)) {
          return (System.nanoTime() - start) / 1e9;
        }
      }
      throw new IOException("it ended before the guest was up: " + String.join(" ", command));
    } finally {
      watchdog.interrupt();
      if (command.contains("qemu-system-x86_64")) {
        process.destroyForcibly(); // it would say that it was told to end
      } else {
        process.destroy(); // it gives its name up
      }
      process.waitFor();
    }
  }

  private static void endIfItHangs(Process process) {
    try {
      if (!process.waitFor(HANGS_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      // It is up.
    }
  }

  private static String row(String label, double godwit, double tcg) {
    return String.format(Locale.ROOT, "%-8s %10.2f %10.2f %8.2f", label, godwit, tcg, godwit / tcg);
  }

  private static double median(List<Double> values) {
    return Median.of(values.stream().mapToDouble(Double::doubleValue).toArray());
  }

  /** For people: beside JSON on standard output it goes to standard error. */
  private void say(String line) {
    (json ? System.err : System.out).println(line);
  }
}
