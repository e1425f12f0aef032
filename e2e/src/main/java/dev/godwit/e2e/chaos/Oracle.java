package dev.godwit.e2e.chaos;

import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.TransferEvent;
import dev.godwit.control.TransferEvent.Phase;
import dev.godwit.e2e.chaos.Witness.Heartbeat;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Says what is wrong after a migration under fault: exactly one machine runs, its working set is
 * intact, the world has heard every heartbeat once, both users read what happened, and nothing is
 * left behind at either end.
 */
final class Oracle {
  private static final long PATIENCE_NANOS = 8_000_000_000L;
  private static final int BEATS = 4;

  /** What no user should read. */
  private static final Pattern NO_SENTENCE =
      Pattern.compile("should not happen|Exception|\\bnull\\b|java\\.|dev\\.godwit|io\\.grpc");

  /** TCP_LISTEN in proc(5)'s table. */
  private static final String LISTENING = "0A";

  private final Witness witness;
  private long lastBeat = -1;
  private long lastNanos;
  private long longestGapNanos;

  Oracle(Witness witness) {
    this.witness = witness;
  }

  /** Waits until the guest is up. */
  void awaitBeats() throws InterruptedException {
    List<String> problems = new ArrayList<>();
    awaitBeats(BEATS, problems);
    if (!problems.isEmpty()) {
      throw new IllegalStateException("the guest does not come up");
    }
  }

  private void awaitBeats(int beats, List<String> problems) throws InterruptedException {
    long wanted = witness.count() + beats;
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (witness.count() < wanted) {
      if (System.nanoTime() > deadline) {
        problems.add("the machine says nothing any more");
        return;
      }
      Thread.sleep(2);
    }
  }

  /** Judges what the two users were told. */
  List<String> judgeWords(
      @Nullable TransferEvent end, FaultScript script, NodeProcess destination) {
    List<String> problems = new ArrayList<>();
    if (end != null && end.phase() != Phase.DONE) {
      if (end.error().isBlank()
          || end.errorCode().isBlank()
          || end.errorCode().equals("INTERNAL")
          || NO_SENTENCE.matcher(end.error()).find()) {
        problems.add("the source says " + end.errorCode() + ": " + end.error());
      }
      if (end.phase() == Phase.CANCELLED && !script.hasStruck(FaultKind.CANCEL)) {
        problems.add("nobody cancelled, but the source says so");
      }
    }
    String failed = destination.event("failed");
    if (failed != null
        && (failed.startsWith("failed INTERNAL")
            || failed.strip().equals("failed")
            || NO_SENTENCE.matcher(failed).find())) {
      problems.add("the destination says: " + failed);
    }
    return problems;
  }

  /**
   * Judges the machine.
   *
   * @param holder where it must be; null if it died with its process
   * @param takenBack whether a person took it back from a process that had run it for a moment and
   *     died: what that said was said in vain
   */
  void judgeMachine(
      String machine,
      @Nullable NodeProcess holder,
      NodeProcess source,
      NodeProcess destination,
      boolean takenBack,
      List<String> problems)
      throws InterruptedException {
    List<String> running = new ArrayList<>();
    for (NodeProcess node : new NodeProcess[] {source, destination}) {
      if (node.isAlive()) {
        running.addAll(running(node));
      }
    }
    List<String> expected =
        holder == null ? List.of() : List.of(machine + " runs in " + holder.pid());
    if (!running.equals(expected)) {
      problems.add("there should be " + expected + ", and there is " + running);
    }
    if (holder != null) {
      awaitBeats(BEATS, problems);
    }
    judgeBeats(holder, takenBack ? destination.pid() : -1, problems);
    if (witness.wrong() != 0) {
      problems.add("the guest has found itself broken: " + (witness.wrong() - 1));
    }
    if (holder != null) {
      String checked = holder.tell("check " + machine);
      if (!checked.equals("whole")) {
        problems.add(checked);
      }
    }
  }

  /** Returns what each of a host's names stands for, once none of them is about to go. */
  private static List<String> running(NodeProcess node) throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (true) {
      List<String> states = new ArrayList<>();
      boolean certain = true;
      for (String file : node.listeningNames()) {
        MachineStatus.State state;
        try (ControlClient client = node.connect(file)) {
          state = client.status().state();
        } catch (ControlException e) {
          certain = false; // it has just gone
          continue;
        }
        certain &= state == MachineStatus.State.RUNNING;
        states.add(
            state == MachineStatus.State.RUNNING
                ? file + " runs in " + node.pid()
                : file + " is " + state.text() + " in " + node.pid());
      }
      if (certain || System.nanoTime() > deadline) {
        return states;
      }
      Thread.sleep(20);
    }
  }

  /** Each heartbeat comes once, in order, whoever says it. */
  private void judgeBeats(@Nullable NodeProcess holder, long inVain, List<String> problems) {
    longestGapNanos = 0;
    List<Heartbeat> beats = witness.next();
    for (Heartbeat beat : beats) {
      if (beat.pid() == inVain) {
        continue;
      }
      if (lastBeat >= 0) {
        longestGapNanos = Math.max(longestGapNanos, beat.nanos() - lastNanos);
      }
      if (beat.beat() != lastBeat + 1) {
        problems.add(
            "heartbeat %d in process %d follows %d: %s"
                .formatted(
                    beat.beat(),
                    beat.pid(),
                    lastBeat,
                    beat.beat() > lastBeat ? "numbers are lost" : "a number comes twice"));
        return;
      }
      lastBeat = beat.beat();
      lastNanos = beat.nanos();
    }
    if (holder != null && !beats.isEmpty() && beats.getLast().pid() != holder.pid()) {
      problems.add("the machine lives in process " + beats.getLast().pid());
    }
  }

  /** Returns the longest time without a heartbeat in the last run. */
  long longestGapMillis() {
    return longestGapNanos / 1_000_000;
  }

  /** Judges what is left at each end when all is over. */
  void judgeLeftovers(NodeProcess holder, NodeProcess other, List<String> problems)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    List<String> left = leftovers(holder, other);
    while (!left.isEmpty() && System.nanoTime() < deadline) {
      Thread.sleep(20);
      left = leftovers(holder, other);
    }
    problems.addAll(left);
  }

  private static List<String> leftovers(NodeProcess holder, NodeProcess other)
      throws IOException, InterruptedException {
    List<String> left = new ArrayList<>();
    if (!holder.tell("living").equals("1")) {
      left.add("the holder keeps more machines than its own");
    }
    List<String> sockets = new ArrayList<>(holder.tcpSockets());
    // As long as nobody has told it RELEASE, it listens: it may still be asked.
    sockets.remove(LISTENING);
    if (!sockets.isEmpty()) {
      left.add("the holder keeps connections: " + sockets);
    }
    leftFiles(holder, 1, left);
    if (other.isAlive()) {
      if (!other.tell("living").equals("0")) {
        left.add("a machine is left at the other side");
      }
      List<String> more = other.tcpSockets();
      if (!more.isEmpty()) {
        left.add("the other side keeps connections: " + more);
      }
      leftFiles(other, 0, left);
    }
    return left;
  }

  private static void leftFiles(NodeProcess node, int sockets, List<String> left) {
    if (node.names().size() != sockets) {
      left.add("control sockets are left: " + node.names());
    }
    if (!node.newTemporaryFiles().isEmpty()) {
      left.add("temporary files are left: " + node.newTemporaryFiles());
    }
  }
}
