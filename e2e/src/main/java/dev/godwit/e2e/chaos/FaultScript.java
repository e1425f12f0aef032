package dev.godwit.e2e.chaos;

import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import dev.godwit.e2e.chaos.ChaosPlan.Step;
import dev.godwit.e2e.relay.Boundary;
import dev.godwit.e2e.relay.Boundary.Side;
import dev.godwit.e2e.relay.Frame;
import dev.godwit.e2e.relay.Pump;
import dev.godwit.e2e.relay.Relay;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Makes the faults of a plan happen, in the relay and to the processes, and remembers which did.
 *
 * <p>Called by the relay's threads and a timer's; its monitor is not held while a fault happens.
 */
final class FaultScript implements Relay.Watcher, AutoCloseable {
  private static final int MIB = 1 << 20;

  private final ChaosPlan plan;
  private final String machine;
  private final NodeProcess source;
  private final NodeProcess destination;
  private final Relay relay;
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(Thread.ofPlatform().daemon().factory());

  private final Map<String, Integer> seen = new TreeMap<>();
  private final List<Step> struck = new ArrayList<>();
  private int armed;
  private int passed;
  private @Nullable Step soon;
  private int lasting;
  private int striking;
  private boolean forGood;
  private boolean over;
  private long struckNanos;

  FaultScript(ChaosPlan plan, String machine, NodeProcess source, NodeProcess destination, int port)
      throws IOException {
    this.plan = plan;
    this.machine = machine;
    this.source = source;
    this.destination = destination;
    this.relay = new Relay(port, plan.shape() == ChaosPlan.Shape.SHORT, this);
  }

  /** Returns where the source is to connect to. */
  int port() {
    return relay.port();
  }

  /** The migration begins: the first step is armed. */
  void begin() {
    arm();
  }

  private void arm() {
    Step step;
    synchronized (this) {
      step = armed();
    }
    if (step != null && step.boundary() == null) {
      timer.schedule(() -> timeIsUp(step), step.millis(), TimeUnit.MILLISECONDS);
    }
  }

  private @Nullable Step armed() {
    return !over && armed < plan.steps().size() ? plan.steps().get(armed) : null;
  }

  private void timeIsUp(Step step) {
    synchronized (this) {
      if (!step.equals(armed())) {
        return;
      }
      if (step.fault() == FaultKind.CORRUPT || step.fault() == FaultKind.REORDER) {
        soon = step;
        return;
      }
      armed++;
      passed = 0;
    }
    strike(step, null, null);
  }

  @Override
  public void passing(Boundary boundary, boolean after, Pump pump, Frame frame) {
    Step step;
    synchronized (this) {
      if (!after) {
        seen.merge(boundary.toString(), 1, Integer::sum);
      }
      step = armed();
      if (step == null || !isTime(step, boundary, after)) {
        return;
      }
      armed++;
      passed = 0;
      soon = null;
    }
    strike(step, pump, frame);
  }

  private boolean isTime(Step step, Boundary boundary, boolean after) {
    if (step.equals(soon)) {
      return true;
    }
    return boundary.equals(step.boundary()) && after == step.after() && ++passed == step.nth();
  }

  private void strike(Step step, @Nullable Pump pump, @Nullable Frame frame) {
    synchronized (this) {
      if (over) {
        return;
      }
      struck.add(step);
      struckNanos = System.nanoTime();
      forGood |= step.lastsForGood();
      striking++;
    }
    try {
      happen(step, pump, frame);
    } finally {
      synchronized (this) {
        striking--;
        notifyAll();
      }
    }
    arm();
  }

  private void happen(Step step, @Nullable Pump pump, @Nullable Frame frame) {
    switch (step.fault()) {
      case CUT -> relay.cutOnce();
      case CUT_OFF -> {
        relay.cut();
        heal(step);
      }
      case CLOSE -> relay.closeAll();
      case SWALLOW_FROM_SOURCE -> {
        relay.swallow(Side.SOURCE);
        heal(step);
      }
      case SWALLOW_FROM_DESTINATION -> {
        relay.swallow(Side.DESTINATION);
        heal(step);
      }
      case STALL, FREEZE -> {
        relay.hold(Side.SOURCE);
        relay.hold(Side.DESTINATION);
        heal(step);
      }
      case DELAY -> relay.delay(step.durationMillis());
      case LIMIT -> relay.limit((long) MIB << Math.floorMod(step.random(), 5));
      case CORRUPT -> {
        if (pump != null && frame != null) {
          pump.flip(bitOf(frame, step));
        }
      }
      case REORDER -> {
        Boundary boundary = frame == null ? null : frame.begins();
        if (pump != null && frame != null) {
          if (boundary != null && boundary.isStreamed()) {
            pump.swap(frame.stream());
          } else {
            pump.hold(frame.stream(), step.durationMillis());
          }
        }
      }
      case KILL_DESTINATION -> destination.kill();
      case KILL_SOURCE -> source.kill();
      case PAUSE_DESTINATION, FREEZE_DESTINATION -> freeze(destination, step);
      case PAUSE_SOURCE, FREEZE_SOURCE -> freeze(source, step);
      case CANCEL -> cancel();
    }
  }

  /** Mostly in what the frame carries, and mostly near its beginning, where the structure is. */
  private static long bitOf(Frame frame, Step step) {
    long random = step.random() >>> 8;
    long bits = 8L * frame.bytes().length;
    long header = 8L * Frame.HEADER_BYTES;
    if (bits <= header || (step.random() & 7) == 0) {
      return random % bits;
    }
    long span = (step.random() & 8) == 0 ? bits - header : Math.min(bits - header, 512);
    return header + random % span;
  }

  private void heal(Step step) {
    if (!step.lastsForGood()) {
      later(step, relay::heal);
    }
  }

  private void freeze(NodeProcess node, Step step) {
    if (node.isAlive()) {
      node.freeze();
      later(step, node::thaw);
    }
  }

  private void later(Step step, Runnable end) {
    synchronized (this) {
      lasting++;
    }
    timer.schedule(
        () -> {
          end.run();
          synchronized (this) {
            lasting--;
          }
        },
        step.durationMillis(),
        TimeUnit.MILLISECONDS);
  }

  /** By another client of the control socket; it may be frozen, so nobody waits long. */
  private void cancel() {
    Thread cancelling =
        Thread.ofVirtual()
            .start(
                () -> {
                  try (ControlClient client = source.connect(machine)) {
                    client.cancelTransfer();
                  } catch (ControlException e) {
                    // The machine has gone, or its process has.
                  }
                });
    try {
      cancelling.join(300);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Says whether all faults have ended that end by themselves. */
  synchronized boolean isCalm() {
    return lasting == 0;
  }

  /** Says whether the network will never be whole again. */
  synchronized boolean isCutForGood() {
    return forGood;
  }

  synchronized boolean hasStruck(FaultKind kind) {
    return struck.stream().anyMatch(step -> step.fault() == kind);
  }

  synchronized List<Step> struck() {
    return List.copyOf(struck);
  }

  /** Returns when the last fault struck, or 0. */
  synchronized long struckNanos() {
    return struckNanos;
  }

  /** Returns which messages have passed, and how many of them. */
  synchronized Map<String, Integer> seen() {
    return new TreeMap<>(seen);
  }

  synchronized boolean hasSeen(Boundary boundary) {
    return seen.containsKey(boundary.toString());
  }

  /** Nothing more strikes; the network is as new. */
  void end() {
    synchronized (this) {
      over = true;
      try {
        while (striking > 0) {
          wait();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    relay.heal();
  }

  @Override
  public void close() throws IOException {
    end();
    timer.shutdownNow();
    relay.close();
  }
}
