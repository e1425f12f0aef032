package dev.godwit.e2e.chaos;

import dev.godwit.e2e.relay.Boundary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/** The command: migrations under fault, a seed each; e2e/README.md lists its options. */
public final class ChaosCommand {
  private long first = 1;
  private long last = 100;
  private int lanes = 2;
  private Path results = Path.of("chaos-results.txt");
  private String plant = "";
  private Path reports = Path.of("chaos-reports");
  private boolean fixed;
  private boolean list;

  private final Map<String, Integer> covered = new TreeMap<>();
  private final List<String> wrong = new ArrayList<>();
  private int done;

  private ChaosCommand(String[] args) {
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "--seeds" -> {
          String[] range = args[++i].split("\\.\\.", -1);
          first = Long.parseLong(range[0]);
          last = Long.parseLong(range[range.length - 1]);
        }
        case "--lanes" -> lanes = Integer.parseInt(args[++i]);
        case "--results" -> results = Path.of(args[++i]);
        case "--reports" -> reports = Path.of(args[++i]);
        case "--plant" -> plant = args[++i];
        case "--fixed" -> fixed = true;
        case "--list" -> list = true;
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
  }

  public static void main(String[] args) throws Exception {
    Logger.getLogger("io.grpc").setLevel(Level.OFF);
    Logger.getLogger("io.netty").setLevel(Level.SEVERE);
    System.exit(new ChaosCommand(args).run());
  }

  private LongStream wanted() {
    return fixed ? LongStream.of(ChaosPlan.covering()) : LongStream.rangeClosed(first, last);
  }

  private int run() throws IOException, InterruptedException {
    if (list) {
      wanted().forEach(seed -> System.out.println(seed + "  " + ChaosPlan.of(seed)));
      return 0;
    }
    Set<Long> known = readResults();
    ConcurrentLinkedQueue<Long> seeds = new ConcurrentLinkedQueue<>();
    wanted().filter(seed -> !known.contains(seed)).forEach(seeds::add);
    System.out.printf("%d seeds, and %d known from %s%n", seeds.size(), known.size(), results);
    Path folder = Files.createTempDirectory("godwit-chaos");
    try {
      Path kernel = ChaosGuest.build(folder);
      String patches = plant.isEmpty() ? "" : PlantedBug.valueOf(plant).plant(folder).toString();
      List<Thread> threads = new ArrayList<>();
      for (int lane = 0; lane < lanes; lane++) {
        Path own = folder.resolve("lane" + lane);
        threads.add(Thread.ofPlatform().start(() -> lane(own, kernel, patches, seeds)));
      }
      for (Thread thread : threads) {
        thread.join();
      }
    } finally {
      delete(folder);
    }
    return summary();
  }

  private void lane(Path folder, Path kernel, String patches, ConcurrentLinkedQueue<Long> seeds) {
    try (ChaosLane lane = new ChaosLane(folder, kernel, patches, reports)) {
      for (Long seed = seeds.poll(); seed != null; seed = seeds.poll()) {
        note(lane.run(ChaosPlan.of(seed)));
      }
      for (String grown : lane.growth()) {
        fail(grown);
      }
    } catch (IOException | RuntimeException e) {
      fail("the harness failed: " + e);
      e.printStackTrace(System.out);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized void fail(String what) {
    System.out.println("WRONG: " + what);
    wrong.add(what);
  }

  /** A line each: seed, verdict, boundaries struck (or "-"), and what happened in words. */
  private synchronized void note(ChaosResult result) throws IOException {
    List<String> boundaries = new ArrayList<>();
    for (ChaosPlan.Step step : result.struck()) {
      boundaries.add(
          step.boundary() == null
              ? "any time"
              : (step.after() ? "after " : "before ") + step.boundary());
    }
    String line =
        String.join(
            "\t",
            Long.toString(result.plan().seed()),
            result.isGood() ? "good" : "WRONG",
            String.join(",", boundaries),
            result.toString().replace('\n', ' '));
    Files.writeString(
        results,
        line + "\n",
        StandardCharsets.UTF_8,
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
    count(line.split("\t", -1));
    System.out.println(result);
    if (!result.isGood()) {
      System.out.println("  again: " + reproduction(result.plan().seed()));
    }
  }

  private String reproduction(long seed) {
    return "ChaosCommand --lanes 1 --results /dev/null --seeds "
        + seed
        + ".."
        + seed
        + (plant.isEmpty() ? "" : " --plant " + plant);
  }

  private void count(String[] fields) {
    done++;
    for (String boundary : fields[2].split(",", -1)) {
      if (!boundary.isEmpty()) {
        covered.merge(boundary, 1, Integer::sum);
      }
    }
    if (!fields[1].equals("good")) {
      wrong.add("seed " + fields[0]);
    }
  }

  private Set<Long> readResults() throws IOException {
    Set<Long> known = new HashSet<>();
    if (Files.isRegularFile(results)) {
      for (String line : Files.readAllLines(results)) {
        String[] fields = line.split("\t", -1);
        long seed = Long.parseLong(fields[0]);
        if (fields.length == 4 && wanted().anyMatch(w -> w == seed) && known.add(seed)) {
          count(fields);
        }
      }
    }
    return known;
  }

  private int summary() {
    System.out.println("faults by the message that they struck at, before and after it:");
    for (Boundary boundary : Boundary.ALL) {
      System.out.printf(
          "  %5d %5d  %s%n",
          covered.getOrDefault("before " + boundary, 0),
          covered.getOrDefault("after " + boundary, 0),
          boundary);
    }
    System.out.printf("  %11d  at any time%n", covered.getOrDefault("any time", 0));
    System.out.printf("%d migrations, %d wrong%n", done, wrong.size());
    wrong.forEach(what -> System.out.println("  " + what));
    return wrong.isEmpty() ? 0 : 1;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
