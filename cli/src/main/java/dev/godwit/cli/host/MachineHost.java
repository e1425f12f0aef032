package dev.godwit.cli.host;

import dev.godwit.backend.Console;
import dev.godwit.cli.ExitStatus;
import dev.godwit.control.ControlActions;
import dev.godwit.control.ControlException;
import dev.godwit.control.ControlServer;
import dev.godwit.control.MachineStatus;
import dev.godwit.control.MigrateOrder;
import dev.godwit.control.RunDirectory;
import dev.godwit.control.SnapshotOrder;
import dev.godwit.control.TransferEvent;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineException;
import dev.godwit.machine.MachineState;
import dev.godwit.machine.MachineState.StopReason;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A machine's process: it owns a name, answers the control API under it, and ends with its machine.
 *
 * <p>A process that receives has no machine at first. Thread-safe.
 */
public final class MachineHost implements ControlActions, AutoCloseable {
  private static final Duration FREE_AFTER = Duration.ofMillis(200);

  private final String version;
  private final RunDirectory directory;
  private final ControlServer server;
  private final Transfers transfers = new Transfers();
  private final CompletableFuture<HostEnd> ended = new CompletableFuture<>();
  private final CompletableFuture<AssembledMachine> arrived = new CompletableFuture<>();
  private volatile @Nullable AssembledMachine assembled;
  private volatile String listen = "";
  private volatile String detail = "";

  private MachineHost(RunDirectory directory, String name, String version) {
    this.version = version;
    this.directory = directory;
    this.server = ControlServer.start(directory, name, this);
  }

  /**
   * Takes a name and answers to it, without a machine as yet.
   *
   * @param version this program's version
   * @throws ControlException {@code NAME_IN_USE}
   */
  public static MachineHost open(RunDirectory directory, String name, String version) {
    return new MachineHost(directory, name, version);
  }

  /** Returns the folder of its control socket. */
  RunDirectory directory() {
    return directory;
  }

  /** Returns the name it answers to. */
  public String name() {
    return server.name();
  }

  /**
   * Answers to another name.
   *
   * @throws ControlException {@code NAME_IN_USE}; the old name stays
   */
  public void rename(String newName) {
    server.rename(newName);
  }

  /** Says that it waits for a machine at an address. */
  public void listening(String address) {
    listen = address;
    detail = "waits for a machine on " + address;
  }

  /** Gives it its machine, which is the host's from now on. Called once. */
  public void adopt(AssembledMachine machine) {
    assembled = machine;
    detail = "";
    listen = "";
    arrived.complete(machine);
    machine
        .machine()
        .stopped()
        .thenAccept(
            end ->
                ended.complete(
                    new HostEnd(
                        statusOf(end.reason()), end.detail(), machine.guestStatus().get())));
  }

  private static ExitStatus statusOf(StopReason reason) {
    return switch (reason) {
      case POWER_OFF, GUEST_EXIT, DESTROYED, MIGRATED, SUSPENDED -> ExitStatus.OK;
      case RESET, TRIPLE_FAULT -> ExitStatus.GUEST_FAILED;
      case FAILED -> ExitStatus.FAILED;
    };
  }

  /** Says whether it has a machine. */
  public boolean hasMachine() {
    return assembled != null;
  }

  /** Waits until there is a machine, or there is going to be none. */
  public void awaitMachineOrEnd() throws InterruptedException {
    try {
      CompletableFuture.anyOf(arrived, ended).get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Ends a process that has no machine. */
  public void end(HostEnd end) {
    ended.complete(end);
  }

  /**
   * Waits until the machine has ended, for whatever reason, and everything that is said about it
   * has been said; the machine is freed and the name given up.
   */
  public HostEnd awaitEnd() throws InterruptedException {
    try {
      HostEnd end = ended.get();
      transfers.awaitIdle();
      return transfers.explain(end);
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    } finally {
      close();
    }
  }

  /** Says whether the machine is on its way, or a snapshot is being taken of it. */
  public boolean isTransferring() {
    return transfers.isBusy();
  }

  /** Ends the machine, if it is still there, and gives the name up. */
  @Override
  public void close() {
    AssembledMachine machine = assembled;
    if (machine == null) {
      server.close();
      return;
    }
    boolean left =
        machine.machine().state() instanceof MachineState.Stopped(StopReason reason, String why)
            && reason == StopReason.MIGRATED;
    if (!left) {
      machine.machine().close();
    }
    machine.console().close();
    server.close();
    if (left) {
      freeLater(machine.machine());
    }
  }

  /**
   * The machine has just begun to run at another place, which may be on this host: it needs the CPU
   * more than this process does, and so does whoever waits for what became of it.
   */
  private static void freeLater(Machine machine) {
    try {
      Thread.sleep(FREE_AFTER);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    machine.freeSlowly();
  }

  /** Gives the name up at once and does nothing else: for a process that is being killed. */
  public void abandon() {
    server.abandon();
  }

  @Override
  public MachineStatus status() {
    AssembledMachine machine = assembled;
    long pid = ProcessHandle.current().pid();
    if (machine == null) {
      return new MachineStatus(
          name(),
          listen.isEmpty() ? MachineStatus.State.CREATED : MachineStatus.State.RECEIVING,
          detail,
          pid,
          "",
          0,
          0,
          "",
          0,
          0,
          null,
          listen,
          version);
    }
    Machine m = machine.machine();
    MachineState state = m.state();
    boolean waiting = transfers.isWaiting();
    return new MachineStatus(
        name(),
        waiting ? MachineStatus.State.WAITING : stateOf(state),
        waiting
            ? adviceWhileWaiting(name())
            : state instanceof MachineState.Stopped(StopReason reason, String why) ? why : detail,
        pid,
        machine.engine(),
        m.config().ramBytes(),
        m.config().vcpus(),
        m.config().cpuModel(),
        m.clock().nowNanos(),
        dirtyPages(m),
        transfers.last(),
        listen,
        version);
  }

  private static MachineStatus.State stateOf(MachineState state) {
    return switch (state) {
      case MachineState.Created created -> MachineStatus.State.CREATED;
      case MachineState.Running running -> MachineStatus.State.RUNNING;
      case MachineState.Paused paused -> MachineStatus.State.PAUSED;
      case MachineState.Stopped stopped -> MachineStatus.State.STOPPED;
    };
  }

  private static long dirtyPages(Machine machine) {
    try (Machine.Lease lease = machine.lease()) {
      return machine.memory().dirty().count();
    } catch (MachineException e) {
      return 0; // it has ended
    }
  }

  @Override
  public void pause() {
    requireNotWaiting("paused");
    machine().machine().pause();
  }

  @Override
  public void resume(boolean force) {
    if (transfers.isWaiting()) {
      if (!force) {
        requireNotWaiting("resumed");
      }
      transfers.takeBack();
      return;
    }
    machine().machine().resume();
  }

  private void requireNotWaiting(String action) {
    if (transfers.isWaiting()) {
      throw new ControlException(
          ControlException.Code.WRONG_STATE,
          "machine " + name() + " cannot be " + action + ": " + adviceWhileWaiting(name()));
    }
  }

  /** Returns what a person can do when a machine waits because the answer to COMMIT got lost. */
  public static String adviceWhileWaiting(String name) {
    return "it was handed over and nobody here knows whether it runs at the destination; if you"
        + " know that it does not and never will, 'godwit resume --force "
        + name
        + "', if it does, 'godwit stop --force "
        + name
        + "'";
  }

  @Override
  public String stop(boolean force, Duration timeout) {
    AssembledMachine machine = assembled;
    if (machine == null) {
      end(new HostEnd(ExitStatus.OK, "stopped by its user while it waited for a machine"));
      return "it stopped waiting for a machine";
    }
    if (transfers.isWaiting()) {
      if (!force) {
        requireNotWaiting("stopped");
      }
      transfers.giveUp();
      return "given up by force after a handover without an answer";
    }
    Machine m = machine.machine();
    if (force) {
      m.destroy(StopReason.DESTROYED, "stopped by its user, by force");
      return reasonOf(m);
    }
    if (m.state() instanceof MachineState.Paused) {
      throw new ControlException(
          ControlException.Code.WRONG_STATE,
          "machine "
              + name()
              + " is paused, so its guest cannot power off: resume it first, or stop it with"
              + " --force");
    }
    machine.powerButton().run();
    if (!awaitStopped(m, timeout)) {
      m.destroy(
          StopReason.DESTROYED,
          "stopped by force: the guest did not power off within " + timeout.toMillis() + " ms");
    }
    return reasonOf(m);
  }

  private static boolean awaitStopped(Machine machine, Duration timeout) {
    try {
      CompletableFuture<MachineState.Stopped> stopped = machine.stopped().toCompletableFuture();
      if (timeout.isZero()) {
        stopped.get();
      } else {
        stopped.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
      }
      return true;
    } catch (TimeoutException | InterruptedException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String reasonOf(Machine machine) {
    return machine.state() instanceof MachineState.Stopped(StopReason reason, String why)
        ? why
        : "it did not stop";
  }

  @Override
  public Console console() {
    return machine().console();
  }

  @Override
  public TransferEvent migrate(MigrateOrder order, Consumer<TransferEvent> progress) {
    return transfers.migrate(machine().machine(), order, version, progress);
  }

  @Override
  public TransferEvent snapshot(SnapshotOrder order, Consumer<TransferEvent> progress) {
    return transfers.snapshot(machine().machine(), order, version, progress);
  }

  @Override
  public boolean cancelTransfer() {
    return transfers.cancel();
  }

  private AssembledMachine machine() {
    AssembledMachine machine = assembled;
    if (machine == null) {
      throw new ControlException(
          ControlException.Code.WRONG_STATE,
          name() + " has no machine yet" + (detail.isEmpty() ? "" : ": it " + detail));
    }
    return machine;
  }
}
