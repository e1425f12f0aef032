package dev.godwit.dest;

import com.google.protobuf.ByteString;
import dev.godwit.cpu.CodeHint;
import dev.godwit.proto.v1.HandoverReply;
import dev.godwit.proto.v1.HandoverState;
import dev.godwit.proto.v1.PreflightRequest;
import dev.godwit.snapshot.Section;
import dev.godwit.stream.StreamCodec;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import dev.godwit.wire.PeerError;
import dev.godwit.wire.ProtocolVersion;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits for exactly one machine and runs it: the destination's side of docs/protocol.md. Writes no
 * file.
 *
 * <p>A source that is refused leaves the receiver waiting for another; once a machine has been
 * accepted, either it runs in the end or the receiver ends with what went wrong. After the machine
 * runs, the receiver goes on answering the source's questions until it hears that there will be no
 * more, or is closed.
 */
public final class Receiver implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Receiver.class);
  private static final int TOKEN_BYTES = 16;
  private static final Duration WATCH = Duration.ofMillis(100);

  /** How long calls that are being answered may take when the receiver ends. */
  private static final Duration LAST_ANSWERS = Duration.ofSeconds(1);

  private final ReceiverOptions options;
  private final MachineFactory factory;
  private final HostEnvironment host;
  private final MigrationServer server;
  private final CompletableFuture<Received> outcome = new CompletableFuture<>();

  private DestState state = new DestState.Waiting();
  private @Nullable Incoming incoming;
  private int protocolVersion = ProtocolVersion.NEWEST;
  private boolean building;
  private volatile long lastSignNanos;
  private long preparedNanos;
  private boolean wasPrepared;
  private boolean closed;

  private Receiver(ReceiverOptions options, MachineFactory factory, HostEnvironment host)
      throws IOException {
    this.options = options;
    this.factory = factory;
    this.host = host;
    this.server = new MigrationServer(this, options);
  }

  /**
   * Begins to listen.
   *
   * @throws ReceiveException {@code INTERNAL} if the address cannot be listened at
   */
  public static Receiver start(
      ReceiverOptions options, MachineFactory factory, HostEnvironment host) {
    try {
      Receiver receiver = new Receiver(options, factory, host);
      receiver.server.start();
      Thread.ofVirtual().name("receiver-watch").start(receiver::watch);
      return receiver;
    } catch (IOException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new ReceiveException(
          PeerError.Code.INTERNAL,
          "cannot listen at " + options.listen() + ": " + cause.getMessage(),
          e);
    }
  }

  /** Returns the port that it listens at. */
  public int port() {
    return server.port();
  }

  /**
   * Completes when the machine runs, or exceptionally, with a {@link ReceiveException}, when none
   * came.
   */
  public CompletionStage<Received> outcome() {
    return outcome.minimalCompletionStage();
  }

  /** Returns where it is. */
  public synchronized DestState state() {
    return state;
  }

  /** The one place where the state changes; says whether it did. */
  private synchronized boolean become(DestState.Event event) {
    DestState next = DestState.next(state, event);
    if (next.equals(state)) {
      return false;
    }
    Incoming machine = incoming;
    LOG.info(
        "reception of machine {}: {} -> {}, for {}",
        machine == null ? "(none yet)" : machine.machineName(),
        state,
        next,
        event);
    state = next;
    notifyAll();
    return true;
  }

  /** Builds the announced machine, or refuses it. One source at a time. */
  void preflight(PreflightRequest request) {
    ProtocolVersion.requireSpoken(request.getVersion());
    if (request.getToken().size() != TOKEN_BYTES) {
      throw new ReceiveException(
          PeerError.Code.PROTOCOL, "the token is not " + TOKEN_BYTES + " bytes long");
    }
    StreamHeader header = StreamCodec.fromProto(request.getHeader());
    synchronized (this) {
      if (!(state instanceof DestState.Waiting) || building) {
        throw new ReceiveException(
            PeerError.Code.BUSY, "this receiver has a machine already: start another one");
      }
      building = true;
    }
    // Without the monitor: it may take seconds, in which signs of life are asked for.
    Incoming machine;
    try {
      machine = Incoming.build(request.getToken(), header, factory, host);
    } catch (RuntimeException | Error e) {
      synchronized (this) {
        building = false;
      }
      throw e;
    }
    synchronized (this) {
      if (state instanceof DestState.Waiting) {
        incoming = machine;
        protocolVersion = request.getVersion();
        lastSignNanos = System.nanoTime();
        become(new DestState.Event.Accepted());
        return;
      }
    }
    machine.discard("the receiver was closed meanwhile");
    machine.forgetMark();
    throw new ReceiveException(PeerError.Code.CANCELLED, "the receiver was closed meanwhile");
  }

  /**
   * Returns what was agreed with the source of the machine; the newest as long as there is none.
   */
  synchronized int protocolVersion() {
    return protocolVersion;
  }

  /**
   * Returns the machine that a call is about.
   *
   * @throws ReceiveException {@code PROTOCOL} if it is another's token or the machine is not
   *     arriving
   */
  synchronized Incoming requireReceiving(ByteString token) {
    Incoming machine = incoming;
    if (machine == null || !machine.hasToken(token)) {
      throw new ReceiveException(PeerError.Code.PROTOCOL, "this receiver does not know the token");
    }
    if (state instanceof DestState.Aborted(PeerError error)) {
      throw new ReceiveException(error.code(), error.message());
    }
    if (!(state instanceof DestState.Receiving)) {
      throw new ReceiveException(PeerError.Code.PROTOCOL, "the machine is complete already");
    }
    lastSignNanos = System.nanoTime();
    return machine;
  }

  /** Takes hints about the machine that is arriving; of another, or too late, they are ignored. */
  void hint(ByteString token, int vcpu, List<CodeHint> code) {
    Incoming machine;
    synchronized (this) {
      machine = state instanceof DestState.Receiving ? incoming : null;
    }
    if (machine != null && machine.hasToken(token)) {
      machine.hint(vcpu, code);
    }
  }

  /**
   * Restores and verifies; the machine is prepared when this returns, and the digest of its RAM is
   * what it returns.
   */
  long complete(ByteString token, List<Section> sections, StreamMetadata metadata) {
    Incoming machine = requireReceiving(token);
    long digest = machine.complete(sections, metadata);
    synchronized (this) {
      preparedNanos = System.nanoTime();
      wasPrepared |= become(new DestState.Event.Complete());
      if (state instanceof DestState.Aborted(PeerError error)) {
        throw new ReceiveException(error.code(), error.message());
      }
    }
    return digest;
  }

  /**
   * Runs the machine, if it is this one and was not given up; says what became of it. Holds the
   * monitor until it runs, so that nobody is told something in between.
   */
  synchronized HandoverReply commit(ByteString token, long stoppedNanos, long arrivedNanos) {
    long stood = 0;
    Incoming machine = incoming;
    if (machine != null && machine.hasToken(token) && become(new DestState.Event.Commit())) {
      try {
        // Strictly first: who finds the mark after the death of this process tells the source to
        // run its own.
        machine.removeMark();
        become(new DestState.Event.Unmarked());
        Received received = machine.start(stoppedNanos, arrivedNanos);
        become(new DestState.Event.Started());
        stood = received.skippedNanos();
        // Not here: what waits for it must not run under this monitor, before the source has its
        // answer.
        Thread.ofVirtual()
            .name("receiver-end")
            .start(
                () -> {
                  machine.abandonMark();
                  outcome.complete(received);
                });
      } catch (RuntimeException | Error e) {
        LOG.error("machine {} could not be started", machine.machineName(), e);
        ReceiveException why =
            new ReceiveException(
                PeerError.Code.INTERNAL, "the machine could not be started: " + e, e);
        machine.discard(String.valueOf(why.getMessage()));
        become(new DestState.Event.StartFailed(why.toPeerError()));
        end(why);
      }
    }
    return answer(token).toBuilder().setStoppedNanos(stood).build();
  }

  /** Says what became of a machine. */
  synchronized HandoverReply answer(ByteString token) {
    Incoming machine = incoming;
    if (machine == null || !machine.hasToken(token)) {
      return HandoverReply.newBuilder()
          .setState(HandoverState.HANDOVER_STATE_UNKNOWN_TOKEN)
          .build();
    }
    lastSignNanos = System.nanoTime();
    HandoverReply.Builder reply = HandoverReply.newBuilder().setState(state.answer());
    if (state instanceof DestState.Aborted(PeerError error)) {
      reply.setError(error.toProto());
    }
    return reply.build();
  }

  /**
   * Says what became of a machine; of one that this process knows nothing of, whether another one
   * of this host died before it started it.
   */
  HandoverReply query(ByteString token) {
    HandoverReply reply = answer(token);
    return reply.getState() == HandoverState.HANDOVER_STATE_UNKNOWN_TOKEN
            && token.size() == TOKEN_BYTES
            && host.diedUnstarted(token.toByteArray())
        ? HandoverReply.newBuilder().setState(HandoverState.HANDOVER_STATE_NEVER_STARTED).build()
        : reply;
  }

  /** Returns how many pages have landed. */
  synchronized long landedPages() {
    Incoming machine = incoming;
    return machine == null ? 0 : machine.landedPages();
  }

  /** The source keeps the machine; says whether that is so. */
  HandoverReply abort(ByteString token, PeerError error) {
    Incoming machine;
    synchronized (this) {
      machine = incoming;
    }
    if (machine != null && machine.hasToken(token)) {
      giveUp(new ReceiveException(error.code(), "the source gave up: " + error.message()));
      if (state() instanceof DestState.Aborted) {
        machine.forgetMark();
      }
    } else if (token.size() == TOKEN_BYTES) {
      host.forgetUnstarted(token.toByteArray());
    }
    return answer(token);
  }

  /** The source has destroyed its copy. */
  void release(ByteString token) {
    Incoming machine;
    synchronized (this) {
      machine = incoming;
    }
    if (machine != null && machine.hasToken(token)) {
      become(new DestState.Event.Released());
    }
  }

  /**
   * As {@link #giveUp}, if the call that failed was about this machine: a stranger's mistakes do
   * not count.
   */
  void giveUpIfMine(ByteString token, ReceiveException why) {
    Incoming machine;
    synchronized (this) {
      machine = incoming;
    }
    if (machine != null && machine.hasToken(token)) {
      giveUp(why);
    }
  }

  /**
   * Gives the machine up, unless it was committed: nothing of it is left, and the receiver ends.
   */
  void giveUp(ReceiveException why) {
    if (!become(new DestState.Event.GaveUp(why.toPeerError()))) {
      return;
    }
    Incoming machine;
    boolean mayBeAsked;
    synchronized (this) {
      machine = incoming;
      mayBeAsked = wasPrepared;
    }
    if (machine != null) {
      machine.discard(String.valueOf(why.getMessage()));
      if (!mayBeAsked) {
        machine.forgetMark();
      }
    }
    end(why);
  }

  /**
   * The receiver ends without a machine. Once the machine was complete, the source may have sent
   * COMMIT and lost the answer: then it is answered for a while, so that it knows that the machine
   * is its own.
   */
  private void end(ReceiveException why) {
    boolean mayBeAsked;
    synchronized (this) {
      mayBeAsked = wasPrepared;
    }
    Thread.ofVirtual()
        .name("receiver-end")
        .start(
            () -> {
              if (mayBeAsked) {
                sleep(options.answers());
              }
              outcome.completeExceptionally(why);
            });
  }

  /**
   * Watches the deadlines until nothing is left to be watched, then ends the server. A machine that
   * was given up is spoken for by its mark from then on.
   */
  private void watch() {
    while (true) {
      synchronized (this) {
        if (closed
            || state instanceof DestState.Over
            || (state instanceof DestState.Aborted && outcome.isDone())) {
          break;
        }
      }
      long now = System.nanoTime();
      switch (state()) {
        case DestState.Receiving receiving -> {
          if (now - lastSignNanos > options.silence().toNanos()) {
            giveUp(
                new ReceiveException(
                    PeerError.Code.TIMEOUT,
                    "the source fell silent for %.1f s: it died or the connection broke"
                        .formatted(options.silence().toMillis() / 1e3)));
          }
        }
        case DestState.Prepared prepared -> {
          if (now - preparedNanos() > options.commit().toNanos()) {
            giveUp(
                new ReceiveException(
                    PeerError.Code.TIMEOUT,
                    "the source did not hand over within %.1f s after everything had come"
                        .formatted(options.commit().toMillis() / 1e3)));
          }
        }
        case DestState.Waiting s -> {}
        case DestState.Starting s -> {}
        case DestState.Unmarked s -> {}
        case DestState.Running s -> {}
        case DestState.Over s -> {}
        case DestState.Aborted s -> {}
      }
      sleep(WATCH);
    }
    server.stop(LAST_ANSWERS);
    Incoming machine;
    synchronized (this) {
      machine = state instanceof DestState.Aborted ? incoming : null;
    }
    if (machine != null) {
      machine.abandonMark();
    }
  }

  private synchronized long preparedNanos() {
    return preparedNanos;
  }

  private static void sleep(Duration duration) {
    try {
      Thread.sleep(duration);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Stops listening. A machine that was not committed is given up; one that runs goes on. */
  @Override
  public void close() {
    giveUp(new ReceiveException(PeerError.Code.CANCELLED, "the receiver was closed by its user"));
    synchronized (this) {
      closed = true;
    }
    server.stop(LAST_ANSWERS);
  }
}
