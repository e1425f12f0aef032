package dev.godwit.e2e.bench;

import dev.godwit.control.ControlClient;
import dev.godwit.control.MigrateOrder;
import dev.godwit.control.RunDirectory;
import dev.godwit.control.TransferEvent;
import dev.godwit.guest.GuestAssets;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A guest on Godwit: what {@code ./godwit run} and {@code ./godwit receive} start. */
final class GodwitGuest implements LiveGuest {
  /** As users get it, but for the pause. */
  static final String DEFAULT = "default";

  /** The guest is throttled when it does not converge soon. */
  static final String THROTTLE = "throttle";

  /** Pages go over two connections. */
  static final String STREAMS = "streams-2";

  /** As the default, but with a pause that a cold process can keep, too. */
  static final String RELAXED = "pause-200ms";

  static final List<String> SETTINGS = List.of(DEFAULT, STREAMS, THROTTLE, RELAXED);

  private static final Duration RELAXED_DOWNTIME = Duration.ofMillis(200);

  private static final String NAME = "guest";
  private static final String LISTENING = "listening on ";
  private static final long END_SECONDS = 20;

  private final ConsoleWitness console = new ConsoleWitness();
  private final MigrationWishes wishes;

  /** One for each of two "hosts", on which the machine has the same name. */
  private Path hereFolder;

  private Path thereFolder;
  private Process here;
  private @Nullable Process there;
  private String address = "";
  private String setting = DEFAULT;

  /** Boots it; returns when it says what it is to say first. */
  GodwitGuest(GuestAssets assets, MigrationScenario scenario, MigrationWishes wishes)
      throws IOException, InterruptedException {
    this.wishes = wishes;
    this.hereFolder = Files.createTempDirectory("godwit-here");
    this.thereFolder = Files.createTempDirectory("godwit-there");
    this.here =
        start(
            hereFolder,
            boot(NAME, assets, scenario.commandLine(wishes.beatMillis()), scenario.memoryMib()));
    console.follow(here.getInputStream());
    console.await(scenario.loaded(), BOOT_SECONDS);
  }

  /** Returns the command line that boots a guest as its user does: by the launcher. */
  static List<String> boot(String name, GuestAssets assets, String commandLine, int memoryMib) {
    return List.of(
        launcher(),
        "run",
        name,
        "--engine",
        "soft",
        "--kernel",
        assets.kernel().toString(),
        "--initrd",
        assets.initrd().toString(),
        "--cmdline",
        commandLine,
        "--memory",
        memoryMib + "M");
  }

  private static String launcher() {
    Path home = Path.of(System.getProperty("godwit.home", ""));
    return home.resolve("godwit").toAbsolutePath().toString();
  }

  private static Process start(Path folder, List<String> command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command);
    String app = System.getProperty("godwit.app");
    if (app != null) {
      builder.environment().put("GODWIT_APP", app); // a test: what was built is what is tested
    }
    builder.environment().put("GODWIT_RUN_DIR", folder.toString());
    return builder
        .redirectInput(Path.of("/dev/null").toFile())
        .redirectError(ProcessBuilder.Redirect.appendTo(LiveGuest.log().toFile()))
        .start();
  }

  @Override
  public ConsoleWitness console() {
    return console;
  }

  @Override
  public Process source() {
    return here;
  }

  @Override
  public void pause() {
    try (ControlClient client = connect()) {
      client.pause();
    }
  }

  @Override
  public void resume() {
    try (ControlClient client = connect()) {
      client.resume(false);
    }
  }

  private ControlClient connect() {
    return ControlClient.connect(RunDirectory.at(hereFolder), NAME);
  }

  @Override
  public Process prepare(String how) throws IOException {
    setting = how;
    Process destination =
        start(
            thereFolder,
            List.of(
                launcher(), "receive", "--engine", "soft", "--console", "--listen", "127.0.0.1:0"));
    there = destination;
    address = addressIn(destination.getInputStream());
    console.follow(destination.getInputStream());
    return destination;
  }

  /** Reads the first line, no byte more: the console comes behind it. */
  private static String addressIn(InputStream output) throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = output.read(); c >= 0 && c != '\n'; c = output.read()) {
      line.append((char) c);
    }
    if (line.indexOf(LISTENING) != 0) {
      throw new IOException("godwit receive said: " + line);
    }
    return line.substring(LISTENING.length()).strip();
  }

  @Override
  public Moved move() {
    try (ControlClient client = connect()) {
      client.status(); // the connection is not what is measured
      return moved(client.migrate(order(), event -> {}));
    }
  }

  private MigrateOrder order() {
    boolean throttle = setting.equals(THROTTLE);
    return new MigrateOrder(
        address,
        setting.equals(RELAXED) ? RELAXED_DOWNTIME : wishes.maxDowntime(),
        wishes.timeout(),
        0,
        "auto",
        false,
        throttle ? "throttle" : "abort",
        0,
        setting.equals(STREAMS) ? 2 : 0,
        MigrateOrder.DEFAULT_DELTA_CACHE_BYTES);
  }

  private static Moved moved(TransferEvent end) {
    TransferEvent.Downtime downtime = end.downtime();
    if (end.phase() != TransferEvent.Phase.DONE || downtime == null) {
      return Moved.failed(end.error());
    }
    Map<String, Double> parts = new LinkedHashMap<>();
    parts.put("lock ms", downtime.lockMicros() / 1e3);
    parts.put("last pages ms", downtime.lastPagesMicros() / 1e3);
    parts.put("devices ms", downtime.devicesMicros() / 1e3);
    parts.put("commit ms", downtime.commitMicros() / 1e3);
    parts.put("expected ms", end.expectedDowntimeMillis());
    parts.put("rounds", (double) end.round());
    parts.put("throttled %", (double) end.throttlePercent());
    return new Moved(
        null, end.elapsedMillis(), downtime.totalMicros() / 1e3, end.bytesSent(), parts);
  }

  @Override
  public void settle(boolean moved) throws InterruptedException {
    Process destination = Objects.requireNonNull(there);
    there = null;
    Process ending = moved ? here : destination;
    if (moved) {
      here = destination;
      Path folder = hereFolder;
      hereFolder = thereFolder;
      thereFolder = folder;
    } else {
      destination.destroy();
    }
    if (!ending.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
      ending.destroyForcibly().waitFor();
      throw new IllegalStateException("a process of Godwit did not end");
    }
  }

  @Override
  public void close() throws IOException {
    here.destroyForcibly().onExit().join();
    if (there != null) {
      there.destroyForcibly().onExit().join();
    }
    for (Path folder : List.of(hereFolder, thereFolder)) {
      try (Stream<Path> left = Files.list(folder)) {
        for (Path file : left.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(folder);
    }
  }
}
