package dev.godwit.e2e.bench;

import dev.godwit.e2e.guest.BareMetal;
import dev.godwit.e2e.guest.WorkFolder;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * How fast the soft engine executes guest code, against QEMU's TCG with the same binaries in the
 * same run: bare-metal kernels, by the interpreter alone, with translation, and by TCG.
 *
 * <p>Usage: {@code CpuBenchmark [--seconds S] [--kernels NAME,...] [--tracking NAME,...] [--pairs
 * N] [--check]}. What is measured is CPU time: of the vCPU's thread, and of all of QEMU's; so other
 * load on the host matters little. Instructions are counted by the interpreter. With {@code
 * --check} the exit status is 1 unless the geometric mean is at least that of TCG, no kernel is
 * below half of it, and dirty tracking costs at most 2 %.
 */
public final class CpuBenchmark {
  private static final List<String> KERNELS =
      List.of("alu", "crc", "sieve", "sort", "lz", "chase", "dirty", "stores", "interpreter");

  /** Those with which the cost of dirty tracking is measured. */
  private static final List<String> STORING = List.of("dirty", "stores", "sieve");

  private static final int KERNEL_FIELD = 32; // see cpubench-boot.S
  private static final double REQUIRED_MEAN = 1.0;
  private static final double REQUIRED_LEAST = 0.5;
  private static final double ALLOWED_TRACKING = 0.02;

  private double seconds = 6;
  private List<String> kernels = KERNELS;
  private List<String> tracked = STORING;
  private int pairs = 5;
  private boolean check;

  private CpuBenchmark(String[] args) {
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "--seconds" -> seconds = Double.parseDouble(args[++i]);
        case "--kernels" -> kernels = names(args[++i]);
        case "--tracking" -> tracked = names(args[++i]);
        case "--pairs" -> pairs = Integer.parseInt(args[++i]);
        case "--check" -> check = true;
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
  }

  /** Returns the kernels of a list; of {@code none}, none. */
  private static List<String> names(String list) {
    List<String> names = list.equals("none") ? List.of() : List.of(list.split(",", -1));
    if (!KERNELS.containsAll(names)) {
      throw new IllegalArgumentException("the kernels are " + KERNELS + ", not " + names);
    }
    return names;
  }

  /**
   * What a run of a kernel gave.
   *
   * @param roundNanos median CPU time of a round, of the later half of them
   * @param instructions of a round
   * @param tierUpNanos wall time until the rounds were about as fast as that
   */
  private record Result(double roundNanos, double instructions, double tierUpNanos) {
    double mips(double instructionsOfRound) {
      return instructionsOfRound / roundNanos * 1e3;
    }
  }

  public static void main(String[] args) throws Exception {
    CpuBenchmark benchmark = new CpuBenchmark(args);
    boolean good;
    try (WorkFolder folder = WorkFolder.create("cpubench")) {
      benchmark.build(folder.path());
      good = benchmark.compare(folder.path());
      good &= benchmark.tracking(folder.path());
    }
    System.exit(benchmark.check && !good ? 1 : 0);
  }

  /** Measures the kernels and prints the table; says whether the ratios are as required. */
  private boolean compare(Path folder) throws IOException {
    if (kernels.isEmpty()) {
      return true;
    }
    System.out.printf(
        "%-12s %10s %8s %8s %7s %7s %9s%n",
        "kernel", "TCG MIPS", "tier 1", "tier 2", "t1/TCG", "t2/TCG", "tier-up s");
    double product = 1;
    double least = Double.MAX_VALUE;
    for (String kernel : kernels) {
      Path file = folder.resolve(kernel);
      Result tcg = qemu(file);
      Result first = soft(file, "off", "on");
      Result second = soft(file, "on", "on");
      double instructions = first.instructions;
      double ratio = tcg.roundNanos / second.roundNanos;
      product *= ratio;
      least = Math.min(least, ratio);
      System.out.printf(
          "%-12s %10.0f %8.0f %8.0f %7.2f %7.2f %9.2f%n",
          kernel,
          tcg.mips(instructions),
          first.mips(instructions),
          second.mips(instructions),
          tcg.roundNanos / first.roundNanos,
          ratio,
          second.tierUpNanos / 1e9);
    }
    double mean = Math.pow(product, 1.0 / kernels.size());
    System.out.printf("geometric mean of tier 2 to TCG %.2f, least %.2f%n", mean, least);
    return mean >= REQUIRED_MEAN && least >= REQUIRED_LEAST;
  }

  /**
   * Measures with dirty tracking and without in turns, in alternating order; says whether the
   * ratios of the medians are as allowed.
   */
  private boolean tracking(Path folder) throws IOException {
    boolean good = true;
    for (String kernel : tracked) {
      double[] on = new double[pairs];
      double[] off = new double[pairs];
      for (int i = 0; i < 2 * pairs; i++) {
        boolean isOn = (i & 3) == 0 || (i & 3) == 3;
        double nanos = soft(folder.resolve(kernel), "on", isOn ? "on" : "off").roundNanos;
        (isOn ? on : off)[i / 2] = nanos;
      }
      double ratio = Median.of(on) / Median.of(off);
      good &= ratio <= 1 + ALLOWED_TRACKING;
      System.out.printf(
          "dirty tracking on/off, %s: %.3f; ms a round on %s, off %s%n",
          kernel, ratio, milliseconds(on), milliseconds(off));
    }
    return good;
  }

  private static String milliseconds(double[] nanos) {
    return Arrays.stream(nanos)
        .mapToObj(n -> String.format(Locale.ROOT, "%.1f", n / 1e6))
        .collect(Collectors.joining(" "));
  }

  /** Makes an image for each kernel, under its name. */
  private void build(Path folder) throws IOException, InterruptedException {
    byte[] image =
        Files.readAllBytes(
            BareMetal.build(
                folder,
                CpuBenchmark.class,
                List.of("cpubench-boot.S", "cpubench.c"),
                List.of("-w")));
    for (String kernel : KERNELS) {
      image[KERNEL_FIELD] = (byte) KERNELS.indexOf(kernel);
      Files.write(folder.resolve(kernel), image);
    }
  }

  /** Runs a kernel on the soft engine in a process of its own. */
  private Result soft(Path image, String translate, String tracking) throws IOException {
    List<String> command =
        OwnJvm.command(
            List.of(
                "-Dgodwit.soft.translate=" + translate, "-Dgodwit.test.dirtyTracking=" + tracking),
            CpuBenchmarkGuest.class,
            image.toString(),
            Double.toString(seconds));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    List<long[]> rounds = new ArrayList<>();
    try (BufferedReader lines =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] fields = line.split(" ", -1);
        if (fields.length == 4) {
          requireRight(image, fields[3].charAt(0));
          rounds.add(Stream.of(fields).limit(3).mapToLong(Long::parseLong).toArray());
        }
      }
    }
    return result(rounds);
  }

  /** Runs a kernel on QEMU; each byte that it writes is a moment to look at QEMU's CPU time. */
  private Result qemu(Path image) throws IOException {
    Process process =
        new ProcessBuilder(
                "qemu-system-x86_64",
                "-accel",
                "tcg",
                "-m",
                "64",
                "-display",
                "none",
                "-nodefaults",
                "-no-user-config",
                "-debugcon",
                "stdio",
                "-kernel",
                image.toString())
            .redirectError(ProcessBuilder.Redirect.DISCARD)
            .start();
    List<long[]> rounds = new ArrayList<>();
    long end = System.nanoTime() + (long) (seconds * 1e9);
    try (InputStream out = process.getInputStream()) {
      for (int b = out.read(); b >= 0; b = out.read()) {
        requireRight(image, (char) b);
        rounds.add(new long[] {cpuNanos(process.pid()), System.nanoTime(), 0});
        if (System.nanoTime() > end && rounds.size() > 4) {
          break;
        }
      }
    } finally {
      process.destroyForcibly();
    }
    return result(rounds);
  }

  private static void requireRight(Path image, char written) {
    if (written != 's' && written != '.') {
      throw new IllegalStateException(image + ": a round gave a wrong result");
    }
  }

  /** Returns the CPU time of all threads of a process. */
  private static long cpuNanos(long pid) throws IOException {
    try (Stream<Path> threads = Files.list(Path.of("/proc/" + pid + "/task"))) {
      return threads.mapToLong(CpuBenchmark::cpuNanosOfThread).sum();
    }
  }

  private static long cpuNanosOfThread(Path thread) {
    try {
      String content = Files.readString(thread.resolve("schedstat"));
      return Long.parseLong(content.substring(0, content.indexOf(' ')));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Result result(List<long[]> at) {
    int rounds = at.size() - 1;
    if (rounds < 2) {
      throw new IllegalStateException("too few rounds: give more --seconds");
    }
    double[] nanos = new double[rounds];
    for (int i = 0; i < rounds; i++) {
      nanos[i] = at.get(i + 1)[0] - at.get(i)[0];
    }
    double steady = Median.of(Arrays.copyOfRange(nanos, rounds / 2, rounds));
    int tiered = 0;
    while (nanos[tiered] > 1.25 * steady && tiered < rounds - 1) {
      tiered++;
    }
    double instructions = (double) (at.getLast()[2] - at.getFirst()[2]) / rounds;
    return new Result(steady, instructions, at.get(tiered)[1] - at.getFirst()[1]);
  }
}
