package dev.godwit.e2e.chaos;

import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.TransferEvent;
import dev.godwit.control.TransferEvent.Phase;
import dev.godwit.dest.ReceiveException;
import dev.godwit.e2e.relay.Boundary;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * One migration, from the order to the moment when both sides have an end: what its user does, also
 * where a person has to decide.
 */
final class Handover {
  /** Longer than all that either side may wait for. */
  private static final long DEATH_NANOS = 1_000_000_000L;

  private static final long SETTLE_NANOS = 90_000_000_000L;

  private static final long GRACE_NANOS = 1_000_000_000L;
  private static final long RECEIVER_NANOS = 45_000_000_000L;

  /** Long enough for the source to ask again, on a busy host, too. */
  private static final long PROOF_NANOS = 5_000_000_000L;

  private static final long POLL_MILLIS = 10;

  /** What a person decided about a machine that waits. */
  enum Decision {
    /** Nothing: it was not needed. */
    NONE,
    /** Nothing but to start another receiver, which proved that it never ran there. */
    PROVE,
    /** It does not run there: it goes on here. */
    RESUME,
    /** It runs there: it is ended here. */
    STOP
  }

  private final ChaosPlan plan;
  private final String machine;
  private final NodeProcess source;
  private final NodeProcess destination;
  private final FaultScript script;
  private final int port;
  private final String receiver;
  private final List<String> problems = new ArrayList<>();

  private volatile Phase phase = Phase.CONNECTING;
  private volatile long waitingSinceNanos;
  private volatile long noticedNanos;
  private Decision decision = Decision.NONE;
  private @Nullable SecondReceiver second;
  private long secondSinceNanos;
  private @Nullable TransferEvent end;

  /**
   * @param port where the destination listens
   */
  Handover(
      ChaosPlan plan,
      String machine,
      NodeProcess source,
      NodeProcess destination,
      FaultScript script,
      int port) {
    this.plan = plan;
    this.machine = machine;
    this.source = source;
    this.destination = destination;
    this.script = script;
    this.port = port;
    this.receiver = "receive-" + port;
  }

  /** Returns when both sides have an end, or will never have one. */
  void run() throws InterruptedException {
    CompletableFuture<TransferEvent> migrating = new CompletableFuture<>();
    Thread.ofVirtual().start(() -> migrate(migrating));
    script.begin();
    try {
      settleSource(migrating);
    } finally {
      if (second != null) {
        second.close();
      }
    }
    if (second != null && decision == Decision.NONE && end != null && end.phase() != Phase.DONE) {
      decision = Decision.PROVE;
    }
    noticedNanos = noticedNanos == 0 ? System.nanoTime() : noticedNanos;
    await(script::isCalm, SETTLE_NANOS, "the faults do not end");
    settleDestination();
    // It frees its RAM slowly, and is heard of when it has: not in the middle of the next
    // migration.
    await(this::sourceIsAtRest, SETTLE_NANOS, "the source's machine has left and does not end");
    script.end();
  }

  private boolean sourceIsAtRest() {
    return !source.isAlive()
        || source.names().contains(machine + ".sock")
        || source.event("ended " + machine) != null;
  }

  private void migrate(CompletableFuture<TransferEvent> migrating) {
    try (ControlClient client = source.connect(machine)) {
      migrating.complete(client.migrate(plan.order("127.0.0.1:" + script.port()), this::progress));
    } catch (RuntimeException e) {
      migrating.completeExceptionally(e);
    }
  }

  private void progress(TransferEvent event) {
    Phase next = event.phase();
    if (next == Phase.WAITING && phase != Phase.WAITING) {
      waitingSinceNanos = System.nanoTime();
      noticedNanos = noticedNanos == 0 ? waitingSinceNanos : noticedNanos;
    }
    phase = next;
  }

  private void settleSource(CompletableFuture<TransferEvent> migrating)
      throws InterruptedException {
    await(
        () -> {
          if (phase == Phase.WAITING
              && script.isCalm()
              && System.nanoTime() - waitingSinceNanos > GRACE_NANOS) {
            decideIfNobodyElseCan();
          }
          return migrating.isDone();
        },
        SETTLE_NANOS,
        "the source does not settle; it is in " + phase);
    if (migrating.isDone() && !migrating.isCompletedExceptionally()) {
      end = migrating.join();
    } else if (!diesWithin(source, DEATH_NANOS)) {
      problems.add("the source has no end: " + failureOf(migrating));
    }
  }

  /** A process that is killed closes its sockets before its parent hears of its death. */
  private static boolean diesWithin(NodeProcess process, long nanos) throws InterruptedException {
    long deadline = System.nanoTime() + nanos;
    while (process.isAlive() && System.nanoTime() < deadline) {
      Thread.sleep(5);
    }
    return !process.isAlive();
  }

  private static String failureOf(CompletableFuture<?> future) {
    return future.isCompletedExceptionally() ? future.exceptionNow().toString() : "it goes on";
  }

  /**
   * As docs/handover.md says: only who knows what became of it there, and only if the two sides
   * cannot settle it themselves.
   */
  private void decideIfNobodyElseCan() {
    if (decision != Decision.NONE) {
      return;
    }
    boolean runs = destination.isAlive() && destination.event("received") != null;
    boolean never = !destination.isAlive() || destination.event("failed") != null;
    boolean unreachable = !destination.isAlive() || script.isCutForGood();
    if (!unreachable || (!runs && !never) || isBeingProven()) {
      return;
    }
    try (ControlClient client = source.connect(machine)) {
      MachineStatus status = client.status();
      if (status.state() != MachineStatus.State.WAITING) {
        return; // it has just got its answer
      }
      if (!status.detail().contains("resume --force")
          || !status.detail().contains("stop --force")) {
        problems.add("a machine waits and does not say what for: " + status.detail());
      }
      decision = runs ? Decision.STOP : Decision.RESUME;
      if (runs) {
        client.stop(true, Duration.ofSeconds(5));
      } else {
        client.resume(true);
      }
    } catch (ControlException e) {
      if (e.code() == ControlException.Code.WRONG_STATE
          || e.code() == ControlException.Code.NO_ANSWER
          || e.code() == ControlException.Code.NO_SUCH_MACHINE) {
        decision = Decision.NONE; // the answer came first; if it did not, the source never settles
        return;
      }
      problems.add("what a person decided was not done: " + e.getMessage());
    }
  }

  /**
   * Where the destination's process is dead, somebody starts another one first, which can prove
   * that it never started the machine. What that said stays said: the oracle lets nothing pass that
   * the dead process's machine told the world.
   */
  private boolean isBeingProven() {
    if (destination.isAlive()) {
      return false;
    }
    if (secondSinceNanos == 0) {
      secondSinceNanos = System.nanoTime();
      try {
        second = SecondReceiver.start(destination.directory(), port);
      } catch (ReceiveException e) {
        return false; // somebody else has the port now
      }
    }
    return second != null && System.nanoTime() - secondSinceNanos < PROOF_NANOS;
  }

  /** Waits until the receiver has an end; one that never got a machine is stopped. */
  private void settleDestination() throws InterruptedException {
    boolean moved = end != null && end.phase() == Phase.DONE;
    boolean prepared = script.hasSeen(Boundary.reply(Boundary.FINISH));
    long idleSince = System.nanoTime();
    long patience = prepared ? 15_000_000_000L : moved ? 10_000_000_000L : 500_000_000L;
    long deadline = System.nanoTime() + RECEIVER_NANOS;
    while (destination.isAlive()
        && destination.event("received") == null
        && destination.event("failed") == null
        && destination.event("ended " + receiver) == null
        && destination.event("ended " + machine) == null) {
      if (!destination.names().contains(receiver + ".sock")) {
        idleSince = System.nanoTime(); // it has the machine's name: the machine is on its way
      } else if (System.nanoTime() - idleSince > patience) {
        stopReceiver();
        idleSince = System.nanoTime();
      }
      if (System.nanoTime() > deadline) {
        problems.add("the destination does not settle: " + destination.names());
        return;
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  private void stopReceiver() {
    try (ControlClient client = destination.connect(receiver)) {
      client.stop(true, Duration.ofSeconds(5));
    } catch (ControlException e) {
      // It has just got a machine, or its end.
    }
  }

  /** What is waited for. */
  interface Condition {
    boolean holds();
  }

  private void await(Condition condition, long nanos, String otherwise)
      throws InterruptedException {
    long deadline = System.nanoTime() + nanos;
    while (!condition.holds()) {
      if (System.nanoTime() > deadline) {
        problems.add(otherwise);
        return;
      }
      Thread.sleep(POLL_MILLIS);
    }
  }

  /** Returns how it ended at the source; null if the source was killed meanwhile. */
  @Nullable TransferEvent end() {
    return end;
  }

  Decision decision() {
    return decision;
  }

  /** Returns when the source had an end, or said that it waits. */
  long noticedNanos() {
    return noticedNanos;
  }

  List<String> problems() {
    return problems;
  }
}
