package dev.godwit.cli.host;

import dev.godwit.control.ControlException;
import dev.godwit.control.MarkSocket;
import dev.godwit.dest.DestState;
import dev.godwit.dest.HostEnvironment;
import dev.godwit.dest.MachineFactory;
import dev.godwit.dest.ReceiveException;
import dev.godwit.dest.Received;
import dev.godwit.dest.Receiver;
import dev.godwit.dest.ReceiverOptions;
import dev.godwit.dest.StartMark;
import dev.godwit.machine.Machine;
import dev.godwit.machine.MachineConfig;
import dev.godwit.memory.GuestMemory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A process's wait for a machine: it listens, gives the machine a host when it has come, and ends
 * the host when none came.
 *
 * <p>As long as no machine has come the host goes by a name of its own. A machine that is accepted
 * gives it its name at once, so that no other can take that, and takes it back if it is given up.
 */
public final class Reception implements AutoCloseable, HostEnvironment, MachineFactory {
  private static final Logger LOG = LoggerFactory.getLogger(Reception.class);

  private final MachineAssembler assembler;
  private final String engine;
  private final @Nullable String fixedName;
  private final CompletableFuture<MachineHost> host = new CompletableFuture<>();
  private final Receiver receiver;
  private final Endpoint listening;
  private volatile @Nullable AssembledMachine assembled;
  private volatile Consumer<AssembledMachine> arriving = machine -> {};

  /**
   * Begins to listen; nothing is accepted before {@link #host} has been called.
   *
   * @param listen where; port 0 for any
   * @param fixedName the name that the machine gets here; null for the one it has
   * @throws ReceiveException if the address cannot be listened at
   */
  public Reception(
      Endpoint listen,
      @Nullable String fixedName,
      MachineAssembler assembler,
      String engine,
      String version) {
    this.assembler = assembler;
    this.engine = engine;
    this.fixedName = fixedName;
    InetAddress address;
    try {
      address = InetAddress.getByName(listen.host());
    } catch (UnknownHostException e) {
      throw new ControlException(
          ControlException.Code.BAD_REQUEST,
          "cannot listen at " + listen + ": no address is known for " + listen.host(),
          e);
    }
    this.receiver =
        Receiver.start(
            ReceiverOptions.at(new InetSocketAddress(address, listen.port()), version), this, this);
    this.listening = new Endpoint(listen.host(), receiver.port());
  }

  /** Says whether no machine has come, nor is on its way. */
  public boolean isWaiting() {
    return receiver.state() instanceof DestState.Waiting;
  }

  /**
   * Sets who hears of each machine that begins to arrive, before anything of it has come; it may
   * never run. The source waits meanwhile.
   */
  public void onArriving(Consumer<AssembledMachine> listener) {
    arriving = listener;
  }

  /** Returns where it listens. */
  public Endpoint listening() {
    return listening;
  }

  /** Completes with what came, or exceptionally with a {@link ReceiveException}. */
  public CompletableFuture<Received> outcome() {
    return receiver
        .outcome()
        .toCompletableFuture()
        .thenApply(
            received -> {
              AssembledMachine machine = assembled;
              if (machine == null || machine.machine() != received.machine()) {
                throw new IllegalStateException("another machine came than was built");
              }
              host.join().adopt(machine);
              return received;
            });
  }

  /** Says which host the machine is for; from now on machines are accepted. */
  public void host(MachineHost machineHost) {
    machineHost.listening(listening.toString());
    host.complete(machineHost);
  }

  /** Returns why a wait was in vain: what {@link #outcome} failed with, without its wrapping. */
  public static Throwable reason(Throwable failure) {
    Throwable reason = failure;
    while (reason instanceof CompletionException && reason.getCause() != null) {
      reason = reason.getCause();
    }
    return reason;
  }

  @Override
  public Optional<Reservation> reserveName(String name) {
    MachineHost waiting = host.join();
    if (fixedName != null) {
      return Optional.of(() -> {});
    }
    String before = waiting.name();
    try {
      waiting.rename(name);
    } catch (ControlException e) {
      LOG.info("a machine named {} is refused: {}", name, e.getMessage());
      return Optional.empty();
    }
    return Optional.of(() -> renameBack(waiting, before));
  }

  private static void renameBack(MachineHost host, String name) {
    try {
      host.rename(name);
    } catch (RuntimeException e) {
      LOG.info("the process keeps the name {}: {}", host.name(), e.getMessage());
    }
  }

  @Override
  public StartMark markUnstarted(byte[] token) {
    MarkSocket mark;
    try {
      mark = MarkSocket.place(host.join().directory(), token);
    } catch (ControlException e) {
      LOG.warn(
          "if this process dies at the wrong moment, a person must decide: {}", e.getMessage());
      return StartMark.NONE;
    }
    return new StartMark() {
      @Override
      public void remove() {
        mark.remove();
      }

      @Override
      public void abandon() {
        mark.abandon();
      }
    };
  }

  @Override
  public boolean diedUnstarted(byte[] token) {
    MachineHost here = hostIfKnown();
    return here != null && MarkSocket.isLeftBehind(here.directory(), token);
  }

  @Override
  public void forgetUnstarted(byte[] token) {
    MachineHost here = hostIfKnown();
    if (here != null) {
      MarkSocket.clear(here.directory(), token);
    }
  }

  private @Nullable MachineHost hostIfKnown() {
    return host.isCompletedExceptionally() ? null : host.getNow(null);
  }

  @Override
  public Machine build(MachineConfig config, GuestMemory memory) {
    MachineConfig here = fixedName == null ? config : config.withName(fixedName);
    AssembledMachine machine = assembler.assemble(here, memory, engine, Optional.empty());
    assembled = machine;
    arriving.accept(machine);
    return machine.machine();
  }

  /** Stops listening. A machine that runs goes on. */
  @Override
  public void close() {
    host.completeExceptionally(
        new ControlException(ControlException.Code.WRONG_STATE, "the process is ending"));
    receiver.close();
  }
}
