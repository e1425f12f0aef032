package dev.godwit.e2e.bench;

import com.google.gson.GsonBuilder;
import dev.godwit.guest.GuestAssets;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Live migration of the same guest by Godwit and by QEMU, between processes of this host, in turns.
 *
 * <p>Usage: {@code MigrationBenchmark [--scenario KEYS] [--rounds N] [--godwit SETTINGS] [--qemu
 * SETTINGS|none] [--max-downtime MS] [--timeout S] [--beat MS] [--settle MS] [--memory] [--threads]
 * [--check] [--json]}, from the project's folder. With {@code --check} it is one round of a small
 * guest, and the exit status is 1 unless both move it whole.
 */
public final class MigrationBenchmark {
  /** Held, or its level would be lost with it. */
  private static final Logger LOGGERS = Logger.getLogger("");

  private static final List<MigrationScenario> ALL =
      List.of(
          MigrationScenario.IDLE,
          MigrationScenario.DIRTY_2000,
          MigrationScenario.DIRTY_10000,
          MigrationScenario.REWRITE,
          MigrationScenario.ZERO_4G);

  /** How long heartbeats are watched before a migration and after it. */
  private static final long WATCHED_NANOS = 1_000_000_000L;

  /** What a destination needs beside the guest's contents. */
  private static final long SLACK_BYTES = 256L << 20;

  private static final int OLDEST_WANTED_QEMU = 10;
  private static final double MIB = 1 << 20;

  private List<MigrationScenario> scenarios = ALL;
  private @Nullable List<String> godwitSettings;
  private @Nullable List<String> qemuSettings;
  private int rounds = 3;
  private Duration maxDowntime = Duration.ofMillis(20);
  private Duration timeout = Duration.ofSeconds(15);
  private int beatMillis = 5;
  private long settleMillis = 2000;
  private boolean memory;
  private boolean threads;
  private boolean check;
  private boolean json;

  private MigrationBenchmark(String[] args) {
    for (int i = 0; i < args.length; i++) {
      switch (args[i]) {
        case "--scenario" ->
            scenarios = list(args[++i]).stream().map(MigrationScenario::named).toList();
        case "--rounds" -> rounds = Integer.parseInt(args[++i]);
        case "--godwit" -> godwitSettings = known(args[++i], GodwitGuest.SETTINGS);
        case "--qemu" -> qemuSettings = known(args[++i], QemuGuest.SETTINGS);
        case "--max-downtime" -> maxDowntime = Duration.ofMillis(Long.parseLong(args[++i]));
        case "--timeout" -> timeout = Duration.ofSeconds(Long.parseLong(args[++i]));
        case "--beat" -> beatMillis = Integer.parseInt(args[++i]);
        case "--settle" -> settleMillis = Long.parseLong(args[++i]);
        case "--memory" -> memory = true;
        case "--threads" -> threads = true;
        case "--check" -> check = true;
        case "--json" -> json = true;
        default -> throw new IllegalArgumentException("unknown option " + args[i]);
      }
    }
    if (check) {
      scenarios = List.of(MigrationScenario.SMALL);
      rounds = 1;
      maxDowntime = Duration.ofSeconds(2); // it is about whole guests, on however busy a host
    }
  }

  private static List<String> list(String text) {
    return text.equals("none") ? List.of() : List.of(text.split(",", -1));
  }

  private static List<String> known(String text, List<String> settings) {
    List<String> wanted = list(text);
    if (!settings.containsAll(wanted)) {
      throw new IllegalArgumentException("settings are " + settings + ", not " + text);
    }
    return wanted;
  }

  public static void main(String[] args) throws Exception {
    LOGGERS.setLevel(Level.SEVERE); // Netty warns of socket options
    System.exit(new MigrationBenchmark(args).run());
  }

  /**
   * What {@code --json} prints of a scenario.
   *
   * @param qemuVersion null if QEMU was not there or not wanted
   * @param ratios Godwit's medians as multiples of QEMU's best; ≤ 1 is better
   */
  private record Result(
      String scenario,
      String kernel,
      @Nullable String qemuVersion,
      List<MigrationSummary> medians,
      List<MigrationSummary> ratios,
      List<MigrationSample> samples) {}

  private int run() throws Exception {
    GuestAssets assets = GuestAssets.prepare(System.err::println);
    String qemu = qemuSettings != null && qemuSettings.isEmpty() ? null : QemuGuest.version();
    say(heading(assets, qemu));
    List<Result> results = new ArrayList<>();
    for (MigrationScenario scenario : scenarios) {
      List<MigrationSample> samples = measure(assets, scenario, qemu != null);
      Result result = summarise(scenario, assets, qemu, samples);
      results.add(result);
      print(result, scenario);
    }
    if (json) {
      System.out.println(
          new GsonBuilder()
              .serializeSpecialFloatingPointValues()
              .disableHtmlEscaping()
              .create()
              .toJson(results));
    }
    boolean whole =
        results.stream().flatMap(r -> r.samples.stream()).allMatch(s -> s.fault() == null);
    return check && !whole ? 1 : 0;
  }

  private String heading(GuestAssets assets, @Nullable String qemu) {
    String beside =
        qemu == null
            ? "no QEMU beside it: " + (qemuSettings == null ? "NOT INSTALLED" : "not wanted")
            : "QEMU "
                + qemu
                + (Integer.parseInt(qemu.substring(0, qemu.indexOf('.'))) < OLDEST_WANTED_QEMU
                    ? ", which is OLD: version 10 or later is wanted"
                    : "");
    return "%s, pause of %d ms wanted, heartbeats every %d ms; %s"
        .formatted(assets.kernelVersion(), maxDowntime.toMillis(), beatMillis, beside);
  }

  private List<MigrationSample> measure(
      GuestAssets assets, MigrationScenario scenario, boolean withQemu) throws Exception {
    MigrationWishes wishes = new MigrationWishes(maxDowntime, timeout, beatMillis);
    List<MigrationSample> samples = new ArrayList<>();
    say(scenario.key() + ": " + scenario.title());
    say(
        "%-22s %3s %9s %8s %8s %9s %8s %8s %8s %6s"
            .formatted(
                "migration",
                "hop",
                "total ms",
                "gap ms",
                "quiet",
                "downtime",
                "MiB",
                "src CPU",
                "dst CPU",
                "touch"));
    try (LiveGuest godwit = new GodwitGuest(assets, scenario, wishes)) {
      godwit.pause();
      LiveGuest qemu = withQemu ? new QemuGuest(assets, scenario, wishes) : null;
      try {
        int godwitHop = 1;
        int qemuHop = 1;
        if (qemu != null) {
          qemu.pause();
        }
        for (int round = 0; round < rounds; round++) {
          godwit.resume();
          for (String setting : godwitSettings(scenario)) {
            samples.add(move(scenario, "godwit", godwit, setting, godwitHop++));
          }
          godwit.pause();
          if (qemu != null) {
            qemu.resume();
            for (String setting : qemuSettings(scenario)) {
              samples.add(move(scenario, "qemu", qemu, setting, qemuHop++));
            }
            qemu.pause();
          }
        }
      } finally {
        if (qemu != null) {
          qemu.close();
        }
      }
    }
    return samples;
  }

  /** Where guests do not converge by themselves, both systems may slow them down, too. */
  private List<String> godwitSettings(MigrationScenario scenario) {
    if (godwitSettings != null) {
      return godwitSettings;
    }
    return scenario == MigrationScenario.REWRITE
        ? List.of(GodwitGuest.DEFAULT, GodwitGuest.THROTTLE)
        : List.of(GodwitGuest.DEFAULT);
  }

  private List<String> qemuSettings(MigrationScenario scenario) {
    if (qemuSettings != null) {
      return qemuSettings;
    }
    return switch (scenario) {
      case IDLE, ZERO_4G, FILLED_4G, SMALL -> List.of(QemuGuest.PLAIN, QemuGuest.MULTIFD);
      case DIRTY_2000, DIRTY_10000 -> List.of(QemuGuest.PLAIN, QemuGuest.MULTIFD, QemuGuest.XBZRLE);
      case REWRITE -> List.of(QemuGuest.PLAIN, QemuGuest.MULTIFD, QemuGuest.CONVERGE);
    };
  }

  private MigrationSample move(
      MigrationScenario scenario, String system, LiveGuest guest, String setting, int hop)
      throws IOException, InterruptedException {
    Process destination = guest.prepare(setting);
    Thread.sleep(settleMillis);
    FreshMemory fresh = new FreshMemory(scenario.contentBytes() + SLACK_BYTES);
    long start;
    long end;
    LiveGuest.Moved moved;
    ProcessMeter source = new ProcessMeter(guest.source(), memory, threads);
    ProcessMeter target = new ProcessMeter(destination, memory, threads);
    try (source;
        target) {
      fresh.release();
      start = System.nanoTime();
      moved = guest.move();
      end = System.nanoTime();
    }
    Thread.sleep(WATCHED_NANOS / 1_000_000);
    List<ConsoleWitness.Beat> beats = guest.console().beats();
    guest.settle(moved.failure() == null);
    MigrationSample sample =
        new MigrationSample(
            system,
            setting,
            hop,
            moved,
            (end - start) / 1e6,
            ConsoleWitness.largestGapMillis(beats, start, end + WATCHED_NANOS),
            ConsoleWitness.largestGapMillis(beats, start - WATCHED_NANOS, start),
            ConsoleWitness.damage(beats),
            fresh.secondsPerGib(),
            source.cpuSecondsMeanwhile(),
            target.cpuSecondsMeanwhile(),
            target.cpuSecondsBefore(),
            source.beyondRamBytes() / MIB,
            target.beyondRamBytes() / MIB);
    print(sample);
    if (threads) {
      say("    source      " + source.cpuSecondsByThread());
      say("    destination " + target.cpuSecondsByThread());
    }
    return sample;
  }

  private static Result summarise(
      MigrationScenario scenario,
      GuestAssets assets,
      @Nullable String qemu,
      List<MigrationSample> samples) {
    Map<String, MigrationSummary> godwits = new LinkedHashMap<>();
    Map<String, MigrationSummary> qemus = new LinkedHashMap<>();
    for (MigrationSample sample : samples) {
      boolean godwit = sample.system().equals("godwit");
      // The code that moves a guest, and the code that runs it, are compiled meanwhile.
      String when = !godwit ? "" : sample.hop() == 1 ? ", first" : ", later";
      String kind = sample.system() + " " + sample.setting() + when;
      (godwit ? godwits : qemus)
          .computeIfAbsent(
              kind,
              k ->
                  MigrationSummary.of(
                      k,
                      samples,
                      s ->
                          s.system().equals(sample.system())
                              && s.setting().equals(sample.setting())
                              && (!godwit || (s.hop() == 1) == (sample.hop() == 1))));
    }
    MigrationSummary best = MigrationSummary.best("QEMU's best", List.copyOf(qemus.values()));
    List<MigrationSummary> medians = new ArrayList<>(godwits.values());
    medians.addAll(qemus.values());
    return new Result(
        scenario.key(),
        assets.kernelVersion(),
        qemu,
        medians,
        best == null
            ? List.of()
            : godwits.values().stream()
                .filter(summary -> summary.count() > 0)
                .map(summary -> summary.dividedBy(best))
                .toList(),
        samples);
  }

  private void print(MigrationSample sample) {
    say(
        "%-22s %3d %9.0f %8.1f %8.1f %9.1f %8.0f %8.2f %8.2f %6.2f %s%s"
            .formatted(
                sample.system() + " " + sample.setting(),
                sample.hop(),
                sample.totalMillis(),
                sample.gapMillis(),
                sample.quietGapMillis(),
                sample.moved().downtimeMillis(),
                sample.moved().bytes() / MIB,
                sample.sourceCpuSeconds(),
                sample.destinationCpuSeconds(),
                sample.touchSecondsPerGib(),
                memory
                    ? "beyond RAM %.0f, %.0f MiB "
                        .formatted(sample.sourceBeyondRamMib(), sample.destinationBeyondRamMib())
                    : "",
                sample.fault() == null ? sample.moved().parts() : "FAILED: " + sample.fault()));
  }

  private void print(Result result, MigrationScenario scenario) {
    say("");
    say(
        "%-42s %8s %8s %9s %8s %7s %3s"
            .formatted(
                scenario.key() + ": medians",
                "total ms",
                "gap ms",
                "downtime",
                "MiB",
                "CPU s",
                "n"));
    for (MigrationSummary s : result.medians) {
      say(
          "%s %3d%s"
              .formatted(
                  figures("%-42s %8.0f %8.1f %9.1f %8.0f %7.2f", s),
                  s.count(),
                  s.failed() == 0 ? "" : ", %d failed: %s".formatted(s.failed(), s.why())));
    }
    for (MigrationSummary s : result.ratios) {
      say(figures("%-42s %8.2f %8.2f %9.2f %8.2f %7.2f", s));
    }
    say("");
  }

  private static String figures(String format, MigrationSummary s) {
    return format.formatted(
        s.kind(), s.totalMillis(), s.gapMillis(), s.downtimeMillis(), s.sentMib(), s.cpuSeconds());
  }

  /** For people: beside JSON on standard output it goes to standard error. */
  private void say(String line) {
    (json ? System.err : System.out).println(line);
  }
}
