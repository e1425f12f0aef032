package dev.godwit.e2e.migration;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.dest.HostEnvironment;
import dev.godwit.dest.Received;
import dev.godwit.dest.Receiver;
import dev.godwit.dest.ReceiverOptions;
import dev.godwit.dest.StartMark;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineState;
import dev.godwit.machine.synthetic.SyntheticMachine;
import dev.godwit.machine.synthetic.SyntheticMachine.Load;
import dev.godwit.source.Afterwards;
import dev.godwit.source.LiveMigration;
import dev.godwit.source.MigrationListener;
import dev.godwit.source.MigrationOptions;
import dev.godwit.source.MigrationReport;
import dev.godwit.source.NetworkSink;
import dev.godwit.source.NetworkSinkOptions;
import dev.godwit.source.StateSink;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * A host of sources and destinations for one test, and the oracle: exactly one machine runs, and it
 * is whole.
 */
final class Lab implements AutoCloseable {
  static final String PRODUCER = "godwit test";
  static final long MIB = 1L << 20;

  /** As patient as users' defaults, but for what a test would wait for. */
  static final NetworkSinkOptions SINK =
      new NetworkSinkOptions(
          Duration.ofSeconds(6),
          Duration.ofSeconds(15),
          Duration.ofMillis(100),
          Duration.ofMillis(2500),
          Duration.ofSeconds(5),
          Duration.ofMillis(1500),
          Duration.ofMillis(500),
          1);

  final Set<String> names = ConcurrentHashMap.newKeySet();
  private final List<AutoCloseable> open = new ArrayList<>();
  private final Queue<LiveMigration> migrations = new ConcurrentLinkedQueue<>();
  private final List<SyntheticMachine> built = new ArrayList<>();
  private long availableBytes = Long.MAX_VALUE;
  private int destVersion = 1;
  private StartMark mark = StartMark.NONE;

  /** Makes and starts a machine. */
  SyntheticMachine source(long ramBytes, int vcpus, Load load) {
    SyntheticMachine made =
        SyntheticMachine.create(
            SyntheticMachine.config("guest", ramBytes, vcpus, load), load.sectionVersion());
    synchronized (built) {
      built.add(made);
    }
    made.machine().start();
    return made;
  }

  void setAvailableBytes(long bytes) {
    availableBytes = bytes;
  }

  /** Sets which version of the device's section destinations read. */
  void setDestVersion(int version) {
    destVersion = version;
  }

  /** Sets the mark that destinations make. */
  void setMark(StartMark startMark) {
    mark = startMark;
  }

  Receiver receiver() {
    return receiver(options());
  }

  static ReceiverOptions options() {
    return new ReceiverOptions(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
        PRODUCER,
        Duration.ofMillis(3000),
        Duration.ofMillis(4000),
        Duration.ofMillis(3000));
  }

  Receiver receiver(ReceiverOptions options) {
    Receiver receiver =
        Receiver.start(
            options,
            (config, memory) -> {
              SyntheticMachine made = SyntheticMachine.build(config, memory, destVersion);
              synchronized (built) {
                built.add(made);
              }
              return made.machine();
            },
            new HostEnvironment() {
              @Override
              public Optional<Reservation> reserveName(String name) {
                return names.add(name) ? Optional.of(() -> names.remove(name)) : Optional.empty();
              }

              @Override
              public StartMark markUnstarted(byte[] token) {
                return mark;
              }

              @Override
              public long availableMemoryBytes() {
                return availableBytes;
              }
            });
    open.add(receiver);
    return receiver;
  }

  static NetworkSink sinkTo(int port) {
    return new NetworkSink("127.0.0.1", port, PRODUCER, SINK);
  }

  static NetworkSink sinkTo(int port, int streams) {
    return new NetworkSink("127.0.0.1", port, PRODUCER, SINK.withStreams(streams));
  }

  static MigrationOptions options(boolean verify) {
    return MigrationOptions.DEFAULT.withVerify(verify).withMaxDowntime(Duration.ofMillis(300));
  }

  LiveMigration migration(SyntheticMachine machine, StateSink sink, MigrationOptions options) {
    LiveMigration migration =
        new LiveMigration(
            machine.machine(),
            sink,
            Afterwards.MIGRATED,
            options,
            MigrationListener.NONE,
            PRODUCER);
    migrations.add(migration);
    return migration;
  }

  /** Waits for a receiver's machine. */
  Received received(Receiver receiver) throws Exception {
    return receiver.outcome().toCompletableFuture().get(20, TimeUnit.SECONDS);
  }

  /** Runs a migration on a thread of its own. */
  static CompletableFuture<MigrationReport> start(LiveMigration migration) {
    return CompletableFuture.supplyAsync(migration::run, Thread::startVirtualThread);
  }

  /** Waits for a receiver's end without a machine and returns what it says. */
  static Throwable failure(Receiver receiver) throws InterruptedException, TimeoutException {
    try {
      Received received = receiver.outcome().toCompletableFuture().get(20, TimeUnit.SECONDS);
      throw new AssertionError("a machine arrived: " + received);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause();
      return cause == null ? e : cause;
    }
  }

  SyntheticMachine of(Machine machine) {
    synchronized (built) {
      return built.stream().filter(m -> m.machine() == machine).findFirst().orElseThrow();
    }
  }

  /**
   * The oracle: of all machines ever made, this one runs, no other does, and its memory is whole.
   */
  void assertOnlyRuns(SyntheticMachine expected) throws InterruptedException {
    List<SyntheticMachine> all;
    synchronized (built) {
      all = List.copyOf(built);
    }
    Thread.sleep(150);
    awaitStep(expected, expected.steps());
    assertInstanceOf(MachineState.Running.class, expected.machine().state());
    assertEquals("", expected.check());
    assertEquals("", expected.mismatch());
    // Not before: one that is given up may have been restored a moment ago, from what still came.
    long[] stands = all.stream().mapToLong(SyntheticMachine::steps).toArray();
    long resumed = expected.steps();
    Thread.sleep(50);
    for (int i = 0; i < stands.length; i++) {
      if (all.get(i) != expected) {
        assertEquals(stands[i], all.get(i).steps(), "a second machine runs");
      }
    }
    awaitStep(expected, resumed);
  }

  /** Other tests and their compilers may keep it from the CPU for a while. */
  private static void awaitStep(SyntheticMachine machine, long steps) {
    await("the machine stands still").until(() -> machine.steps() > steps);
  }

  /** Says whether nothing but this is left of all machines. */
  void assertOthersAreGone(@Nullable SyntheticMachine kept) {
    synchronized (built) {
      for (SyntheticMachine machine : built) {
        if (machine != kept) {
          assertTrue(
              machine.machine().state() instanceof MachineState.Stopped,
              "a machine was left behind");
        }
      }
    }
  }

  @Override
  public void close() throws Exception {
    // A migration that a failed test left behind keeps its machine locked, as it must.
    migrations.forEach(LiveMigration::forceStop);
    migrations.forEach(LiveMigration::cancel);
    for (AutoCloseable closeable : open.reversed()) {
      closeable.close();
    }
    synchronized (built) {
      built.forEach(machine -> machine.machine().close());
    }
  }
}
