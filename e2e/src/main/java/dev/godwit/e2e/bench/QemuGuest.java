package dev.godwit.e2e.bench;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.godwit.guest.GuestAssets;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The same guest on QEMU's TCG, moved over loopback TCP, driven by QMP. */
final class QemuGuest implements LiveGuest {
  /** Pre-copy over one connection. */
  static final String PLAIN = "plain";

  /** Several threads and connections, one a core. */
  static final String MULTIFD = "multifd";

  /** As above, and the vCPU is throttled when the guest does not converge ("auto-converge"). */
  static final String CONVERGE = "multifd+converge";

  /** One connection; pages sent before are cached and sent as differences ("XBZRLE"). */
  static final String XBZRLE = "xbzrle";

  /** What is fair to try; see QEMU's docs/devel/migration. */
  static final List<String> SETTINGS = List.of(PLAIN, MULTIFD, CONVERGE, XBZRLE);

  private static final String PROGRAM =
      System.getenv().getOrDefault("GODWIT_QEMU", "qemu-system-x86_64");

  /** More than any link: QEMU's own limit is 128 MiB/s. */
  private static final long UNLIMITED_BYTES_PER_SECOND = 100L << 30;

  private static final long XBZRLE_CACHE_BYTES = 512L << 20;
  private static final int CHANNELS = 2;
  private static final long END_SECONDS = 20;

  private final ConsoleWitness console = new ConsoleWitness();
  private final List<String> command;
  private final MigrationWishes wishes;
  private final Path folder;
  private int processes;
  private Process here;
  private Qmp hereMonitor;
  private @Nullable Process there;
  private @Nullable Qmp thereMonitor;
  private int port;

  /** Boots it; returns when it says what it is to say first. */
  QemuGuest(GuestAssets assets, MigrationScenario scenario, MigrationWishes wishes)
      throws IOException, InterruptedException {
    this.wishes = wishes;
    this.folder = Files.createTempDirectory("godwit-qemu");
    this.command =
        List.of(
            PROGRAM,
            "-accel",
            "tcg",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-serial",
            "stdio",
            "-m",
            Integer.toString(scenario.memoryMib()),
            "-kernel",
            assets.kernel().toString(),
            "-initrd",
            assets.initrd().toString(),
            "-append",
            scenario.commandLine(wishes.beatMillis()));
    this.here = start();
    this.hereMonitor = monitor();
    console.follow(here.getInputStream());
    console.await(scenario.loaded(), BOOT_SECONDS);
  }

  /** Returns QEMU's version, or null if there is none. */
  static @Nullable String version() throws IOException {
    try {
      Process process = new ProcessBuilder(PROGRAM, "--version").redirectErrorStream(true).start();
      String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      Matcher version = Pattern.compile("version (\\d+\\.[\\d.]+)").matcher(said);
      return version.find() ? version.group(1) : null;
    } catch (IOException e) {
      return null; // it cannot be started
    }
  }

  private Process start(String... more) throws IOException {
    processes++;
    List<String> all = new ArrayList<>(command);
    all.addAll(List.of(more));
    all.addAll(List.of("-qmp", "unix:" + monitorSocket() + ",server=on,wait=off"));
    return new ProcessBuilder(all)
        .redirectInput(Path.of("/dev/null").toFile())
        .redirectError(ProcessBuilder.Redirect.appendTo(LiveGuest.log().toFile()))
        .start();
  }

  private Path monitorSocket() {
    return folder.resolve("monitor-" + processes);
  }

  private Qmp monitor() throws IOException, InterruptedException {
    return new Qmp(monitorSocket());
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
  public void pause() throws IOException {
    hereMonitor.query("stop");
  }

  @Override
  public void resume() throws IOException {
    hereMonitor.query("cont");
  }

  @Override
  public Process prepare(String setting) throws IOException, InterruptedException {
    Process destination = start("-incoming", "defer");
    there = destination;
    Qmp monitor = monitor();
    thereMonitor = monitor;
    set(hereMonitor, setting);
    set(monitor, setting);
    try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    monitor.execute("migrate-incoming", uri());
    console.follow(destination.getInputStream());
    return destination;
  }

  private JsonObject uri() {
    JsonObject arguments = new JsonObject();
    arguments.addProperty("uri", "tcp:127.0.0.1:" + port);
    return arguments;
  }

  private void set(Qmp monitor, String setting) throws IOException {
    boolean converge = setting.equals(CONVERGE);
    JsonArray capabilities = new JsonArray();
    capabilities.add(capability("events", true));
    capabilities.add(capability("multifd", setting.equals(MULTIFD) || converge));
    capabilities.add(capability("xbzrle", setting.equals(XBZRLE)));
    capabilities.add(capability("auto-converge", converge));
    JsonObject all = new JsonObject();
    all.add("capabilities", capabilities);
    monitor.execute("migrate-set-capabilities", all);
    JsonObject parameters = new JsonObject();
    parameters.addProperty("downtime-limit", wishes.maxDowntime().toMillis());
    parameters.addProperty("max-bandwidth", UNLIMITED_BYTES_PER_SECOND);
    parameters.addProperty("multifd-channels", CHANNELS);
    parameters.addProperty("xbzrle-cache-size", XBZRLE_CACHE_BYTES);
    monitor.execute("migrate-set-parameters", parameters);
  }

  private static JsonObject capability(String name, boolean state) {
    JsonObject capability = new JsonObject();
    capability.addProperty("capability", name);
    capability.addProperty("state", state);
    return capability;
  }

  @Override
  public Moved move() throws IOException, InterruptedException {
    long start = System.nanoTime();
    hereMonitor.execute("migrate", uri());
    CountDownLatch over = new CountDownLatch(1);
    Thread watchdog = Thread.ofVirtual().start(() -> cancelWhenOverdue(over));
    String status = "";
    while (!List.of("completed", "failed", "cancelled").contains(status)) {
      status = hereMonitor.awaitEvent("MIGRATION").get("status").getAsString();
    }
    // No interrupt: in the middle of its command it would close the monitor's socket.
    over.countDown();
    watchdog.join();
    JsonObject result = hereMonitor.query("query-migrate");
    JsonObject ram = result.getAsJsonObject("ram");
    if (!status.equals("completed")) {
      return Moved.failed(
          "%s after %.1f s, %d MiB, %d passes"
              .formatted(
                  status,
                  (System.nanoTime() - start) / 1e9,
                  ram == null ? 0 : ram.get("transferred").getAsLong() >> 20,
                  ram == null ? 0 : ram.get("dirty-sync-count").getAsLong()));
    }
    Map<String, Double> parts = new LinkedHashMap<>();
    parts.put("rounds", ram.get("dirty-sync-count").getAsDouble());
    parts.put("setup ms", result.get("setup-time").getAsDouble());
    return new Moved(
        null,
        result.get("total-time").getAsDouble(),
        result.get("downtime").getAsDouble(),
        ram.get("transferred").getAsLong(),
        parts);
  }

  private void cancelWhenOverdue(CountDownLatch over) {
    try {
      if (!over.await(wishes.timeout().toMillis(), TimeUnit.MILLISECONDS)) {
        hereMonitor.send("migrate_cancel");
      }
    } catch (InterruptedException | IOException e) {
      // It is over.
    }
  }

  @Override
  public void settle(boolean moved) throws IOException, InterruptedException {
    Process destination = Objects.requireNonNull(there);
    Qmp monitor = Objects.requireNonNull(thereMonitor);
    Process ending = moved ? here : destination;
    (moved ? hereMonitor : monitor).close();
    if (moved) {
      here = destination;
      hereMonitor = monitor;
    }
    there = null;
    thereMonitor = null;
    ending.destroy();
    if (!ending.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
      ending.destroyForcibly().waitFor();
    }
  }

  @Override
  public void close() throws IOException {
    hereMonitor.close();
    here.destroyForcibly().onExit().join();
    if (there != null) {
      there.destroyForcibly().onExit().join();
    }
    for (int i = 1; i <= processes; i++) {
      Files.deleteIfExists(folder.resolve("monitor-" + i));
    }
    Files.delete(folder);
  }
}
