package dev.godwit.control;

import com.google.protobuf.ByteString;
import dev.godwit.proto.v1.CancelMigrationRequest;
import dev.godwit.proto.v1.ConsoleInput;
import dev.godwit.proto.v1.ConsoleOutput;
import dev.godwit.proto.v1.ControlGrpc;
import dev.godwit.proto.v1.MigrateEvent;
import dev.godwit.proto.v1.PauseRequest;
import dev.godwit.proto.v1.ResumeRequest;
import dev.godwit.proto.v1.StatusRequest;
import dev.godwit.proto.v1.StopRequest;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.time.Duration;
import java.util.Iterator;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Asks a machine's process. Thread-safe; calls block until they are answered and throw {@link
 * ControlException}.
 */
public final class ControlClient implements AutoCloseable {
  /** How long a process may take for what it answers from memory. */
  private static final Duration ANSWER = Duration.ofSeconds(10);

  /** How long it may take to stop all vCPUs: more than {@code Machine} gives them. */
  private static final Duration LOCK = Duration.ofSeconds(20);

  private final String name;
  private final EventLoopGroup loops =
      new MultiThreadIoEventLoopGroup(
          1, new DefaultThreadFactory("control-client", true), EpollIoHandler.newFactory());
  private final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
  private final ManagedChannel channel;

  private ControlClient(String name, RunDirectory directory) {
    this.name = name;
    this.channel =
        NettyChannelBuilder.forAddress(new DomainSocketAddress(directory.socket(name).toFile()))
            .channelType(EpollDomainSocketChannel.class)
            .eventLoopGroup(loops)
            .overrideAuthority("localhost")
            .usePlaintext()
            .executor(executor)
            .build();
  }

  /**
   * Connects to a machine's process.
   *
   * @throws ControlException {@code NO_SUCH_MACHINE}
   */
  public static ControlClient connect(RunDirectory directory, String name) {
    if (!directory.isAlive(name)) {
      throw new ControlException(
          ControlException.Code.NO_SUCH_MACHINE,
          "no machine named "
              + name
              + " is here (looked in "
              + directory.path()
              + "); 'godwit list' shows those that are");
    }
    return new ControlClient(name, directory);
  }

  /** Returns how the machine is. */
  public MachineStatus status() {
    return call(
        () -> ControlCodec.fromProto(stub(ANSWER).status(StatusRequest.getDefaultInstance())));
  }

  /** Pauses it. */
  public void pause() {
    call(() -> stub(LOCK).pause(PauseRequest.getDefaultInstance()));
  }

  /** Lets it go on; see {@link ControlActions#resume}. */
  public void resume(boolean force) {
    call(() -> stub(LOCK).resume(ResumeRequest.newBuilder().setForce(force).build()));
  }

  /** Ends it; see {@link ControlActions#stop}. */
  public String stop(boolean force, Duration timeout) {
    StopRequest request =
        StopRequest.newBuilder()
            .setForce(force)
            .setTimeoutMillis(ControlCodec.millis(timeout))
            .build();
    ControlGrpc.ControlBlockingStub stub =
        !force && timeout.isZero()
            ? ControlGrpc.newBlockingStub(channel)
            : stub(timeout.plus(LOCK));
    return call(() -> stub.stop(request).getReason());
  }

  /** Cancels what is in flight; see {@link ControlActions#cancelTransfer}. */
  public boolean cancelTransfer() {
    return call(
        () ->
            stub(ANSWER)
                .cancelMigration(CancelMigrationRequest.getDefaultInstance())
                .getCancelled());
  }

  /**
   * Migrates it; returns when that is over.
   *
   * @param progress gets every event, the last one included
   * @return the last event: done, failed or cancelled
   * @throws ControlException {@code NO_ANSWER} if the process died, so that nobody here knows how
   *     it ended; others if the migration did not begin
   */
  public TransferEvent migrate(MigrateOrder order, Consumer<TransferEvent> progress) {
    return follow(
        () -> ControlGrpc.newBlockingStub(channel).migrate(ControlCodec.toProto(order)), progress);
  }

  /** Writes a snapshot; as {@link #migrate}. */
  public TransferEvent snapshot(SnapshotOrder order, Consumer<TransferEvent> progress) {
    return follow(
        () -> ControlGrpc.newBlockingStub(channel).snapshot(ControlCodec.toProto(order)), progress);
  }

  private TransferEvent follow(
      Supplier<Iterator<MigrateEvent>> call, Consumer<TransferEvent> progress) {
    TransferEvent last = null;
    try {
      Iterator<MigrateEvent> events = call.get();
      while (events.hasNext()) {
        last = ControlCodec.fromProto(events.next());
        progress.accept(last);
      }
    } catch (StatusRuntimeException e) {
      if (last == null || !last.phase().isLast()) {
        throw ControlCodec.fromStatus(name, e);
      }
    }
    if (last == null || !last.phase().isLast()) {
      throw new ControlException(
          ControlException.Code.NO_ANSWER,
          "the process of machine " + name + " did not say how it ended");
    }
    return last;
  }

  /** What a console gives. Called by one thread at a time, which may block. */
  public interface ConsoleListener {
    /**
     * Takes output.
     *
     * @param droppedBytes bytes before these that this client was too slow for
     */
    void output(byte[] bytes, long droppedBytes);

    /**
     * The last call: the console is closed, or this end detached.
     *
     * @param error what went wrong, or null
     */
    void closed(@Nullable ControlException error);
  }

  /** This end of a console. */
  public interface ConsoleSession extends AutoCloseable {
    /** Sends input; blocks while much of it is on the way. */
    void write(byte[] bytes);

    /** Detaches. Idempotent. */
    @Override
    void close();
  }

  /**
   * Attaches to the console.
   *
   * @param scrollBack whether what the guest wrote before comes first
   */
  public ConsoleSession console(boolean scrollBack, ConsoleListener listener) {
    RemoteConsole remote = new RemoteConsole(listener);
    ControlGrpc.newStub(channel).console(remote);
    remote.send(ConsoleInput.newBuilder().setSkipScrollback(!scrollBack).build());
    return remote;
  }

  private final class RemoteConsole
      implements ConsoleSession, ClientResponseObserver<ConsoleInput, ConsoleOutput> {
    private final ConsoleListener listener;
    private @Nullable ClientCallStreamObserver<ConsoleInput> call;
    private boolean over;

    RemoteConsole(ConsoleListener listener) {
      this.listener = listener;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<ConsoleInput> stream) {
      call = stream;
      stream.setOnReadyHandler(this::wake);
    }

    private synchronized void wake() {
      notifyAll();
    }

    private synchronized void end() {
      over = true;
      notifyAll();
    }

    private synchronized void send(ConsoleInput input) {
      ClientCallStreamObserver<ConsoleInput> stream = call;
      if (stream != null && !over) {
        stream.onNext(input);
      }
    }

    @Override
    public void write(byte[] bytes) {
      synchronized (this) {
        try {
          while (call != null && !call.isReady() && !over) {
            wait();
          }
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return;
        }
      }
      send(ConsoleInput.newBuilder().setData(ByteString.copyFrom(bytes)).build());
    }

    @Override
    public void onNext(ConsoleOutput output) {
      listener.output(output.getData().toByteArray(), output.getDroppedBytes());
    }

    @Override
    public void onError(Throwable cause) {
      boolean detached;
      synchronized (this) {
        detached = over;
      }
      end();
      listener.closed(detached ? null : ControlCodec.fromStatus(name, cause));
    }

    @Override
    public void onCompleted() {
      end();
      listener.closed(null);
    }

    @Override
    public void close() {
      ClientCallStreamObserver<ConsoleInput> stream;
      synchronized (this) {
        stream = over ? null : call;
        over = true;
        notifyAll();
      }
      if (stream != null) {
        stream.cancel("detached", null);
      }
    }
  }

  private ControlGrpc.ControlBlockingStub stub(Duration deadline) {
    return ControlGrpc.newBlockingStub(channel)
        .withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS);
  }

  private <T> T call(Supplier<T> call) {
    try {
      return call.get();
    } catch (StatusRuntimeException e) {
      throw ControlCodec.fromStatus(name, e);
    }
  }

  /** Disconnects; calls in flight are cancelled. */
  @Override
  public void close() {
    channel.shutdownNow();
    try {
      channel.awaitTermination(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
  }
}
