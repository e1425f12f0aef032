package dev.godwit.cli.demo;

import dev.godwit.cli.demo.DemoReport.Check;
import dev.godwit.cli.demo.Heartbeats.Beat;
import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.MigrateOrder;
import dev.godwit.control.RunDirectory;
import dev.godwit.control.TransferEvent;
import dev.godwit.control.TransferEvent.Phase;
import dev.godwit.guest.GuestAssets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;

/**
 * The script: boot, migrate, check.
 *
 * <p>The source's output until its console closes, followed by the destination's, is what one
 * machine that never moved would have written: a line that was half sent when the machine stopped
 * is finished by the destination.
 */
public final class Demo {
  private static final Duration START = Duration.ofSeconds(60);
  private static final Duration BOOT = Duration.ofMinutes(4);
  private static final Duration ANSWER = Duration.ofSeconds(60);

  /** More than the default: the demonstration should end on a busy host, too. */
  private static final Duration MAX_DOWNTIME = Duration.ofMillis(150);

  private static final int BEATS_BEFORE = 20;
  private static final int BEATS_AFTER = 20;

  /** How far apart the guest is told to put its heartbeats. */
  public static final int INTERVAL_MILLIS = 100;

  private static final long POLL_MILLIS = 20;
  private static final String READY = "GODWIT-GUEST READY ";

  /** The shell's. Before it has its terminal, the kernel echoes what is typed, even into a line. */
  private static final String PROMPT = "godwit# ";

  private static final String SOURCE = "demo";
  private static final String DESTINATION = "demo-moved";

  private final GuestAssets assets;
  private final long ramBytes;
  private final String engine;
  private final RunDirectory directory;
  private final Stage stage;
  private final List<ChildMachine> children = new ArrayList<>();
  private boolean abandoned;

  /** Who watches. */
  public interface Stage {
    /** Something was done: a line for a person. */
    void say(String line);

    /** The migration goes on. */
    void progress(TransferEvent event);
  }

  /**
   * @param runDirectory an empty folder of the demonstration's own, for its control sockets
   */
  public Demo(GuestAssets assets, long ramBytes, String engine, Path runDirectory, Stage stage) {
    this.assets = assets;
    this.ramBytes = ramBytes;
    this.engine = engine;
    this.directory = RunDirectory.at(runDirectory);
    this.stage = stage;
  }

  /**
   * Plays it.
   *
   * @throws DemoException if it cannot go on
   */
  public DemoReport play() throws IOException, InterruptedException {
    Transcript transcript = new Transcript();
    long startNanos = System.nanoTime();
    try (ChildMachine source = start(runArguments());
        ControlClient from = connect(SOURCE, source);
        ControlClient.ConsoleSession console = from.console(true, transcript.listener())) {
      stage.say("process " + source.pid() + " boots " + assets.kernelVersion() + " ...");
      require(
          source,
          transcript.await(text -> text.contains(READY), BOOT),
          "the guest did not come up within " + BOOT.toSeconds() + " s");
      double bootSeconds = (System.nanoTime() - startNanos) / 1e9;
      stage.say(format("the guest is up after %.1f s", bootSeconds));
      transcript.await(text -> text.contains(PROMPT), ANSWER);
      // Not before: a destination that waits rehearses, and a boot needs the CPUs itself.
      try (ChildMachine destination = start(receiveArguments())) {
        console.write("echo shell answers $((6*7))\n".getBytes(StandardCharsets.US_ASCII));
        boolean shellBefore = transcript.await(text -> text.contains("shell answers 42"), ANSWER);
        require(source, awaitBeats(transcript, BEATS_BEFORE), "there are too few heartbeats");
        return migrate(transcript, from, source, destination, bootSeconds, shellBefore);
      }
    }
  }

  /** Ends all child processes, and lets no more be started. For when this JVM is told to end. */
  public void abandon() {
    synchronized (children) {
      abandoned = true;
      children.forEach(ChildMachine::close);
    }
  }

  private ChildMachine start(List<String> arguments) throws IOException {
    synchronized (children) {
      if (abandoned) {
        throw new DemoException("the demonstration was broken off");
      }
      ChildMachine child = new ChildMachine(directory.path(), arguments);
      children.add(child);
      return child;
    }
  }

  private DemoReport migrate(
      Transcript transcript,
      ControlClient from,
      ChildMachine source,
      ChildMachine destination,
      double bootSeconds,
      boolean shellBefore)
      throws InterruptedException {
    String address = address(destination);
    stage.say("process " + destination.pid() + " waits for it on " + address);
    TransferEvent end =
        from.migrate(
            new MigrateOrder(
                address,
                MAX_DOWNTIME,
                Duration.ZERO,
                0,
                "auto",
                false,
                "abort",
                0,
                0,
                MigrateOrder.DEFAULT_DELTA_CACHE_BYTES),
            stage::progress);
    if (end.phase() != Phase.DONE) {
      throw new DemoException("the migration failed: " + end.error());
    }
    transcript.awaitClosed(ANSWER);
    long before = Heartbeats.parse(transcript.text()).size();
    stage.say(before + " heartbeats came from process " + source.pid());
    try (ControlClient to = connect(DESTINATION, destination);
        ControlClient.ConsoleSession console = to.console(true, transcript.listener())) {
      long wanted = before + BEATS_AFTER;
      require(
          destination,
          awaitBeats(transcript, wanted),
          "the heartbeats do not go on at the destination");
      console.write("echo shell still answers $((6*7))\n".getBytes(StandardCharsets.US_ASCII));
      boolean shellAfter =
          transcript.await(text -> text.contains("shell still answers 42"), ANSWER);
      boolean running = to.status().state() == MachineStatus.State.RUNNING;
      int sourceExit = source.awaitEnd();
      to.stop(true, Duration.ZERO);
      transcript.awaitClosed(ANSWER);
      int destinationExit = destination.awaitEnd();
      List<Beat> beats = Heartbeats.parse(transcript.text());
      stage.say((beats.size() - before) + " more came from process " + destination.pid());
      Heartbeats.Verdict verdict = Heartbeats.judge(beats);
      if (!verdict.isWhole()) {
        stage.say("the console where the heartbeats break:");
        stage.say(Heartbeats.around(transcript.text(), beats));
      }
      List<Check> checks =
          List.of(
              new Check("the shell answered before the migration", shellBefore),
              new Check("the shell answers after it", shellAfter),
              new Check("the boot id is the same", verdict.bootIds() == 1),
              new Check("no heartbeat is missing", verdict.missing() == 0),
              new Check("no heartbeat came twice", verdict.repeated() == 0),
              new Check("nothing of the console was lost", transcript.droppedBytes() == 0),
              new Check("the machine ran at the destination", running),
              new Check("the source's process ended by itself", sourceExit == 0),
              new Check("the destination's process ended when stopped", destinationExit == 0),
              new Check("no control socket is left", directory.names().isEmpty()));
      return new DemoReport(
          bootSeconds, end, verdict, before, beats.size() - before, new ArrayList<>(checks));
    }
  }

  private List<String> runArguments() {
    return List.of(
        "run",
        SOURCE,
        "--kernel",
        assets.kernel().toString(),
        "--initrd",
        assets.initrd().toString(),
        "--cmdline",
        "console=ttyS0 quiet cryptomgr.notests godwit.heartbeat=" + INTERVAL_MILLIS,
        "--memory",
        Long.toString(ramBytes),
        "--engine",
        engine);
  }

  private List<String> receiveArguments() {
    return List.of("receive", "--listen", "127.0.0.1:0", "--name", DESTINATION, "--engine", engine);
  }

  private static String address(ChildMachine destination) throws InterruptedException {
    try {
      String line = destination.firstLine().get(START.toSeconds(), TimeUnit.SECONDS);
      String prefix = "listening on ";
      if (line.startsWith(prefix)) {
        return line.substring(prefix.length());
      }
    } catch (ExecutionException | TimeoutException e) {
      // Said below.
    }
    throw new DemoException("the destination does not listen: " + destination.complaints());
  }

  private static boolean awaitBeats(Transcript transcript, long count) throws InterruptedException {
    return transcript.await(text -> Heartbeats.parse(text).size() >= count, ANSWER);
  }

  private ControlClient connect(String name, ChildMachine child) throws InterruptedException {
    BooleanSupplier answers = () -> directory.isAlive(name);
    long deadline = System.nanoTime() + START.toNanos();
    while (!answers.getAsBoolean() && child.isAlive() && System.nanoTime() < deadline) {
      Thread.sleep(POLL_MILLIS);
    }
    ControlClient client;
    try {
      client = ControlClient.connect(directory, name);
    } catch (ControlException e) {
      throw new DemoException(
          "process " + child.pid() + " did not start: " + child.complaints(), e);
    }
    while (client.status().state() == MachineStatus.State.CREATED
        && child.isAlive()
        && System.nanoTime() < deadline) {
      Thread.sleep(POLL_MILLIS);
    }
    return client;
  }

  private static void require(ChildMachine child, boolean holds, String otherwise) {
    if (!holds) {
      throw new DemoException(
          otherwise + (child.complaints().isEmpty() ? "" : ": " + child.complaints()));
    }
  }

  private static String format(String format, double value) {
    return String.format(Locale.ROOT, format, value);
  }
}
