package dev.godwit.e2e.chaos;

import dev.godwit.control.ControlClient;
import dev.godwit.control.TransferEvent;
import dev.godwit.control.TransferEvent.Phase;
import dev.godwit.e2e.chaos.Handover.Decision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Two hosts, a machine that moves between them, and one plan after the other. Processes and machine
 * stay for the next plan, unless one was killed: what a fault leaves behind shows then.
 */
final class ChaosLane implements AutoCloseable {
  private static final Duration STOPPING = Duration.ofSeconds(10);
  private static final long POLL_MILLIS = 10;

  private final Path folder;
  private final Path kernel;
  private final String patches;
  private final Path reports;

  private @Nullable NodeProcess here;
  private @Nullable NodeProcess there;
  private Oracle oracle;
  private String machine = "";
  private int machines;

  /**
   * @param folder everything that it makes is in there
   * @param kernel the guest, as {@link ChaosGuest#build} makes it
   * @param patches classes that take the place of the program's own; empty for none
   * @param reports where to say more about what is wrong
   */
  ChaosLane(Path folder, Path kernel, String patches, Path reports) throws IOException {
    this.folder = Files.createDirectories(folder);
    this.kernel = kernel;
    this.patches = patches;
    this.reports = reports;
    this.oracle = new Oracle(Witness.open(folder, "none"));
  }

  /** Runs one plan and judges. */
  ChaosResult run(ChaosPlan plan) throws IOException, InterruptedException {
    NodeProcess source = here == null ? startNode("a") : here;
    NodeProcess destination =
        there == null ? startNode(source == here && isNamed(source, "b") ? "a" : "b") : there;
    here = source;
    there = destination;
    for (NodeProcess node : List.of(source, destination)) {
      node.awaitReady();
      node.forgetEvents();
    }
    if (machine.isEmpty()) {
      boot(source);
    }
    long start = System.nanoTime();
    int port = Integer.parseInt(destination.tell("receive"));
    try (FaultScript script = new FaultScript(plan, machine, source, destination, port)) {
      Handover handover = new Handover(plan, machine, source, destination, script, port);
      handover.run();
      return judge(plan, script, handover, source, destination, start);
    } catch (IOException e) {
      // A process that should live is gone.
      ChaosResult failed = ChaosResult.failed(plan, e + ", " + source.errors());
      startOver();
      return failed;
    } finally {
      source.thaw();
      destination.thaw();
    }
  }

  private ChaosResult judge(
      ChaosPlan plan,
      FaultScript script,
      Handover handover,
      NodeProcess source,
      NodeProcess destination,
      long start)
      throws IOException, InterruptedException {
    TransferEvent end = handover.end();
    boolean moved = end != null && end.phase() == Phase.DONE;
    boolean received = destination.event("received") != null;
    NodeProcess holder = null;
    if (moved || (end == null && received)) {
      holder = destination.isAlive() ? destination : null;
    } else if (end != null && source.isAlive()) {
      holder = source;
    }
    List<String> problems = new ArrayList<>(handover.problems());
    problems.addAll(oracle.judgeWords(end, script, destination));
    oracle.judgeMachine(
        machine,
        holder,
        source,
        destination,
        handover.decision() == Decision.RESUME && !destination.isAlive(),
        problems);
    if (holder != null) {
      oracle.judgeLeftovers(holder, holder == source ? destination : source, problems);
    }
    String outcome = outcome(end, handover.decision(), holder, source, destination);
    ChaosResult result =
        new ChaosResult(
            plan,
            script.struck(),
            script.seen(),
            outcome,
            problems,
            (System.nanoTime() - start) / 1_000_000,
            oracle.longestGapMillis(),
            Math.max(0, handover.noticedNanos() - script.struckNanos()) / 1_000_000);
    if (!problems.isEmpty()) {
      report(result, source, destination);
      startOver();
    } else {
      goOn(holder, source, destination);
    }
    return result;
  }

  private void report(ChaosResult result, NodeProcess source, NodeProcess destination)
      throws IOException {
    StringBuilder text = new StringBuilder(result.toString()).append('\n');
    for (NodeProcess node : List.of(source, destination)) {
      text.append(node == source ? "\nsource" : "\ndestination")
          .append(node.isAlive() ? ", process " : ", dead process ")
          .append(node.pid())
          .append('\n')
          .append(node.errors());
      if (node.isAlive()) {
        text.append(node.threads());
      }
    }
    Files.createDirectories(reports);
    Files.writeString(reports.resolve("chaos-" + result.plan().seed() + ".txt"), text.toString());
  }

  private static String outcome(
      @Nullable TransferEvent end,
      Decision decision,
      @Nullable NodeProcess holder,
      NodeProcess source,
      NodeProcess destination) {
    String where =
        holder == source
            ? "kept"
            : holder == destination
                ? "moved"
                : "died with " + (source.isAlive() ? "the destination" : "the source");
    String how =
        switch (decision) {
          case NONE -> "";
          case PROVE -> ", proven not to have been started there";
          case RESUME -> ", resumed by a person";
          case STOP -> ", given up by a person";
        };
    String said = end == null ? "" : end.errorCode().isEmpty() ? "" : ", " + end.errorCode();
    String failed = destination.event("failed");
    return where + how + said + (failed == null ? "" : " / " + failed);
  }

  /** The next plan begins where this one has left the machine. */
  private void goOn(@Nullable NodeProcess holder, NodeProcess source, NodeProcess destination)
      throws IOException {
    NodeProcess first = holder == null ? (source.isAlive() ? source : destination) : holder;
    NodeProcess second = first == source ? destination : source;
    here = first.isAlive() ? first : replace(first);
    there = second.isAlive() ? second : replace(second);
    if (holder == null) {
      machine = "";
    }
  }

  /** After something went wrong nothing can be relied on. */
  private void startOver() {
    for (NodeProcess node : new NodeProcess[] {here, there}) {
      if (node != null) {
        node.close();
      }
    }
    here = null;
    there = null;
    machine = "";
  }

  private NodeProcess replace(NodeProcess dead) throws IOException {
    return startNode(isNamed(dead, "a") ? "a" : "b");
  }

  private static boolean isNamed(NodeProcess node, String name) {
    return node.folder().endsWith(name);
  }

  private NodeProcess startNode(String name) throws IOException {
    return NodeProcess.start(folder.resolve(name), folder, kernel, patches);
  }

  private void stop(NodeProcess node) throws InterruptedException {
    try (ControlClient client = node.connect(machine)) {
      client.stop(true, STOPPING);
    }
    long deadline = System.nanoTime() + STOPPING.toNanos();
    while (node.event("ended " + machine) == null) {
      if (System.nanoTime() > deadline) {
        throw new IllegalStateException("the machine was stopped and does not end");
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private void boot(NodeProcess node) throws InterruptedException {
    machine = "guest" + ++machines;
    oracle = new Oracle(Witness.open(folder, machine));
    String answer = node.tell("boot " + machine);
    if (!answer.equals("booted")) {
      throw new IllegalStateException("the guest does not boot: " + answer + node.errors());
    }
    oracle.awaitBeats();
  }

  /**
   * Returns how much the processes have grown that have been there for a while.
   *
   * <p>A receiver whose machine runs and that was never told RELEASE listens for as long as the
   * machine is there, as it must: so its user stops the machine first. Another one takes its place,
   * because what a process has was noted while one may have been there.
   */
  List<String> growth() throws IOException, InterruptedException {
    if (here != null && !machine.isEmpty()) {
      stop(here);
      boot(here);
    }
    List<String> grown = new ArrayList<>();
    for (NodeProcess node : new NodeProcess[] {here, there}) {
      if (node != null && node.isAlive()) {
        grown.addAll(node.growth());
      }
    }
    return grown;
  }

  @Override
  public void close() throws IOException {
    startOver();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
