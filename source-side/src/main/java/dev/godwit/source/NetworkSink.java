package dev.godwit.source;

import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.ByteString;
import dev.godwit.cpu.CodeHint;
import dev.godwit.proto.v1.AbortRequest;
import dev.godwit.proto.v1.CodeHintsReply;
import dev.godwit.proto.v1.CommitRequest;
import dev.godwit.proto.v1.FinishPart;
import dev.godwit.proto.v1.HandoverReply;
import dev.godwit.proto.v1.HandoverState;
import dev.godwit.proto.v1.HeartbeatReply;
import dev.godwit.proto.v1.HeartbeatRequest;
import dev.godwit.proto.v1.MigrationGrpc;
import dev.godwit.proto.v1.MigrationGrpc.MigrationFutureStub;
import dev.godwit.proto.v1.PreflightReply;
import dev.godwit.proto.v1.PreflightRequest;
import dev.godwit.proto.v1.Prepared;
import dev.godwit.proto.v1.QueryRequest;
import dev.godwit.proto.v1.ReleaseRequest;
import dev.godwit.snapshot.Section;
import dev.godwit.stream.CodeHintCodec;
import dev.godwit.stream.StreamCodec;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;
import dev.godwit.wire.PageBatch;
import dev.godwit.wire.PageEncoding;
import dev.godwit.wire.PeerError;
import dev.godwit.wire.ProtocolVersion;
import dev.godwit.wire.WireException;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.StatusRuntimeException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A machine's state goes to another host: the source's side of docs/protocol.md.
 *
 * <p>Three kinds of connection: one for control, one for each stream of pages ({@link PageSender}),
 * whose thread is busy with them, and after a lost answer a new one for each question. A heartbeat
 * on the control connection notices a destination that is gone or frozen, whatever this side waits
 * for at that moment; from COMMIT on each call has its own deadline instead.
 */
public final class NetworkSink implements StateSink {
  private static final Logger LOG = LoggerFactory.getLogger(NetworkSink.class);
  private static final int TOKEN_BYTES = 16;

  /** What verifying and restoring takes beside the messages' time on the link. */
  private static final long RESTORE_NANOS = 5_000_000;

  /**
   * The first beats follow each other closely: the best of their round trips is what the link and
   * the destination can do, once the code that serves them is warm.
   */
  private static final int FIRST_BEATS = 8;

  private static final Duration FIRST_HEARTBEAT = Duration.ofMillis(20);

  private final Connections connections;
  private final String producer;
  private final NetworkSinkOptions options;
  private final ByteString token;

  private @Nullable ManagedChannel control;
  private volatile List<PageSender> pages = List.of();
  private @Nullable Thread heart;
  private volatile boolean beating;
  private volatile @Nullable MigrationException lost;
  private volatile long roundTripNanos;
  private @Nullable ReadyCall<FinishPart, Prepared> finish;
  private @Nullable ReadyCall<CommitRequest, HandoverReply> commit;
  private long preparedAtNanos;
  private boolean commitSent;
  private boolean takesDelta;
  private boolean takesCodeHints;
  private int batchPages;

  /**
   * @param host the destination's name or address
   * @param port its port
   * @param producer this program, for people
   * @param options how patient it is
   */
  public NetworkSink(String host, int port, String producer, NetworkSinkOptions options) {
    this.connections = new Connections(host, port, options.connect(), options.streams());
    this.producer = producer;
    this.options = options;
    byte[] random = new byte[TOKEN_BYTES];
    new SecureRandom().nextBytes(random);
    this.token = ByteString.copyFrom(random);
  }

  @Override
  public boolean takesLz4() {
    return true;
  }

  @Override
  public boolean takesDelta() {
    return takesDelta;
  }

  @Override
  public long fixedPauseNanos() {
    return RESTORE_NANOS + 3 * roundTripNanos;
  }

  @Override
  public void begin(StreamHeader header) {
    ManagedChannel channel = connections.open();
    control = channel;
    connections.connectAhead();
    try {
      long start = System.nanoTime();
      int version =
          ProtocolVersion.accept(
              call(stub(channel, options.connect()).hello(ProtocolVersion.hello(producer))));
      PreflightRequest request =
          PreflightRequest.newBuilder()
              .setToken(token)
              .setVersion(version)
              .setHeader(StreamCodec.toProto(header))
              .build();
      LOG.debug("{} answered hello after {} ns", connections, System.nanoTime() - start);
      beating = true;
      heart = Thread.ofVirtual().name("migration-heartbeat").start(() -> beat(channel));
      PreflightReply consent = call(stub(channel, options.preflight()).preflight(request));
      takesDelta = PageEncoding.deltaLands(consent);
      takesCodeHints = consent.getTakesCodeHints();
      batchPages = PageBatch.agreedContentPages(consent);
      openStreams(consent);
    } catch (StatusRuntimeException e) {
      MigrationException known = lost;
      if (known != null) {
        throw known;
      }
      PeerError said = PeerError.from(e.getTrailers());
      throw said != null
          ? new MigrationException(
              MigrationException.Code.REFUSED,
              "%s refuses: %s".formatted(connections, said.message()),
              e)
          : new MigrationException(MigrationException.Code.UNREACHABLE, connections.why(e), e);
    } catch (WireException e) {
      throw new MigrationException(
          MigrationException.Code.REFUSED, String.valueOf(e.getMessage()), e);
    }
  }

  private void openStreams(PreflightReply accepted) {
    boolean resumable = accepted.getMaxStreams() != 0;
    int streams = resumable ? Math.min(options.streams(), accepted.getMaxStreams()) : 1;
    List<PageSender> senders = new ArrayList<>();
    for (int stream = 0; stream < streams; stream++) {
      senders.add(
          new PageSender(
              connections,
              token.toByteArray(),
              stream,
              streams,
              resumable,
              options.silence(),
              this::lost));
    }
    pages = List.copyOf(senders);
    senders.forEach(PageSender::open);
  }

  @Override
  public int batchPages() {
    return batchPages;
  }

  @Override
  public int streams() {
    return pages.size();
  }

  @Override
  public void sendPages(List<? extends PageFeed> feeds) {
    sendPages(feeds, () -> {});
  }

  @Override
  public List<Section> sendLastPages(
      List<? extends PageFeed> feeds, Supplier<List<Section>> saving) {
    List<Section> sections = new ArrayList<>();
    sendPages(
        feeds,
        () -> {
          sections.addAll(saving.get());
          sendSections(sections);
        });
    return sections;
  }

  private void sendPages(List<? extends PageFeed> feeds, Runnable meanwhile) {
    List<PageSender> senders = pages;
    if (senders.isEmpty() || senders.size() != feeds.size()) {
      throw new IllegalStateException(feeds.size() + " feeds for " + senders.size() + " streams");
    }
    try {
      for (int stream = 0; stream < senders.size(); stream++) {
        senders.get(stream).begin(feeds.get(stream));
      }
      meanwhile.run();
      senders.forEach(PageSender::await);
    } finally {
      senders.forEach(PageSender::stop);
    }
  }

  @Override
  public boolean takesCodeHints() {
    return takesCodeHints;
  }

  @Override
  public void hint(int vcpu, List<CodeHint> code) {
    ListenableFuture<CodeHintsReply> call =
        stub(requireControl(), options.silence()).hint(CodeHintCodec.toProto(token, vcpu, code));
    call.addListener(
        () -> {
          if (call.state() == Future.State.FAILED) {
            LOG.debug("{} did not take a hint", connections, call.exceptionNow());
          }
        },
        Runnable::run);
  }

  @Override
  public void stopFollows() {
    HeartbeatRequest request =
        HeartbeatRequest.newBuilder().setToken(token).setStopFollows(true).build();
    // The answer comes by the same connection, so that both ends have these by then.
    finish = open(MigrationGrpc.getFinishMethod());
    commit = open(MigrationGrpc.getCommitMethod());
    try {
      call(stub(requireControl(), options.silence()).heartbeat(request));
    } catch (StatusRuntimeException e) {
      if (PeerError.from(e.getTrailers()) != null) {
        throw failed("its getting ready", e);
      }
      LOG.debug("{} did not get ready; nothing depends on that", connections, e);
    }
  }

  private <Q, R> ReadyCall<Q, R> open(MethodDescriptor<Q, R> method) {
    return ReadyCall.open(requireControl(), method, connections.controlThread());
  }

  @Override
  public void prepare(List<Section> sections, StreamMetadata metadata) {
    ReadyCall<FinishPart, Prepared> early = finish;
    // The last pages go on with a new connection when theirs breaks, and so does what comes after.
    ReadyCall<FinishPart, Prepared> call =
        early == null || early.isOver() ? sendSections(sections) : early;
    try {
      Prepared prepared =
          call.end(
              part(sections.isEmpty()).setMetadata(StreamCodec.toProto(metadata)).build(),
              options.prepare());
      preparedAtNanos = System.nanoTime();
      if (prepared.getRamDigest() != metadata.ramDigest()) {
        throw new MigrationException(
            MigrationException.Code.PEER_FAILED,
            "the RAM at %s has the digest %016x, here %016x: pages were lost or changed"
                .formatted(connections, prepared.getRamDigest(), metadata.ramDigest()));
      }
    } catch (StatusRuntimeException e) {
      throw failed("restoring the machine", e);
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  /**
   * Sends what comes before the metadata, and does not wait: the last pages may be on their way.
   */
  private ReadyCall<FinishPart, Prepared> sendSections(List<Section> sections) {
    ReadyCall<FinishPart, Prepared> ready = finish;
    ReadyCall<FinishPart, Prepared> call =
        ready == null || ready.isOver() ? open(MigrationGrpc.getFinishMethod()) : ready;
    finish = call;
    List<FinishPart> parts = new ArrayList<>();
    for (Section section : sections) {
      parts.add(part(parts.isEmpty()).setSection(StreamCodec.toProto(section)).build());
    }
    call.send(parts);
    return call;
  }

  private FinishPart.Builder part(boolean first) {
    return first ? FinishPart.newBuilder().setToken(token) : FinishPart.newBuilder();
  }

  @Override
  public HandoverAnswer commit(LongSupplier stoppedNanos) {
    stopHeart();
    ManagedChannel known = control;
    if (!commitSent && (lost != null || known == null || known.isShutdown())) {
      return new HandoverAnswer.Never(
          MigrationException.Code.PEER_LOST, "the connection broke before COMMIT was sent");
    }
    // The destination gives up a machine that nobody commits. One that was frozen here must not ask
    // for what is gone.
    if (!commitSent && System.nanoTime() - preparedAtNanos > options.commit().toNanos()) {
      return new HandoverAnswer.Never(
          MigrationException.Code.TIMED_OUT,
          "this side was too slow to send COMMIT, and did not send it");
    }
    boolean first = !commitSent;
    commitSent = true;
    ReadyCall<CommitRequest, HandoverReply> ready = commit;
    commit = null;
    CommitRequest request =
        CommitRequest.newBuilder()
            .setToken(token)
            .setStoppedNanos(stoppedNanos.getAsLong() + roundTripNanos / 2)
            .build();
    if (ready != null && !ready.isOver()) {
      return answer(() -> ready.end(request, options.commit()));
    }
    ManagedChannel channel = first && known != null ? known : connections.open();
    try {
      return answer(stub(channel, options.commit()).commit(request));
    } finally {
      if (!first) {
        channel.shutdownNow();
      }
    }
  }

  @Override
  public HandoverAnswer query() {
    ManagedChannel channel = connections.open();
    try {
      return answer(
          stub(channel, options.commit()).query(QueryRequest.newBuilder().setToken(token).build()));
    } finally {
      channel.shutdownNow();
    }
  }

  private HandoverAnswer answer(ListenableFuture<HandoverReply> call) {
    return answer(
        () -> {
          try {
            return call.get();
          } catch (InterruptedException e) {
            call.cancel(true);
            throw e;
          } catch (ExecutionException e) {
            throw e.getCause() instanceof StatusRuntimeException status
                ? status
                : new IllegalStateException(e);
          }
        });
  }

  private interface Question {
    HandoverReply ask() throws InterruptedException;
  }

  /** Only what the destination itself says about this token decides anything. */
  private HandoverAnswer answer(Question question) {
    HandoverReply reply;
    try {
      reply = question.ask();
    } catch (StatusRuntimeException e) {
      return new HandoverAnswer.Unknown(connections.why(e));
    } catch (InterruptedException e) {
      return new HandoverAnswer.Unknown("interrupted while asking");
    }
    return switch (reply.getState()) {
      case HANDOVER_STATE_RUNNING -> new HandoverAnswer.Taken(reply.getStoppedNanos());
      case HANDOVER_STATE_PREPARED -> new HandoverAnswer.Ready();
      case HANDOVER_STATE_ABORTED ->
          new HandoverAnswer.Never(
              MigrationException.Code.PEER_FAILED,
              "%s did not take the machine: %s"
                  .formatted(connections, PeerError.fromProto(reply.getError()).message()));
      case HANDOVER_STATE_NEVER_STARTED ->
          new HandoverAnswer.NeverStarted(
              connections
                  + " did not take the machine: the process that had it died before it started it,"
                  + " as a mark on its host proves");
      case HANDOVER_STATE_UNKNOWN_TOKEN ->
          new HandoverAnswer.Unknown(
              connections
                  + " answers, but has never heard of this migration: the process that had the"
                  + " machine is another");
      case HANDOVER_STATE_RECEIVING, HANDOVER_STATE_UNSPECIFIED, UNRECOGNIZED ->
          new HandoverAnswer.Unknown(connections + " answers nonsense: " + reply.getStateValue());
    };
  }

  @Override
  public void release() {
    goodbye(
        options.goodbye(),
        false,
        channel ->
            stub(channel, options.goodbye())
                .release(ReleaseRequest.newBuilder().setToken(token).build()));
  }

  @Override
  public void abort(MigrationException why) {
    stopHeart();
    pages.forEach(PageSender::close);
    if (control == null) {
      return;
    }
    PeerError.Code code =
        why.code() == MigrationException.Code.CANCELLED
            ? PeerError.Code.CANCELLED
            : PeerError.Code.SOURCE_FAILED;
    AbortRequest request =
        AbortRequest.newBuilder()
            .setToken(token)
            .setError(new PeerError(code, String.valueOf(why.getMessage())).toProto())
            .build();
    // One that has been waited for in vain so long is not waited for much longer.
    Duration patience =
        why.code() == MigrationException.Code.PEER_LOST
            ? options.goodbye().dividedBy(2)
            : options.goodbye();
    goodbye(patience, commitSent, channel -> stub(channel, patience).abort(request));
  }

  private interface LastWord {
    ListenableFuture<?> say(ManagedChannel channel);
  }

  /** Says something that nothing depends on, on a new connection if the old one is of no use. */
  private void goodbye(Duration patience, boolean newConnection, LastWord word) {
    ManagedChannel known = control;
    ManagedChannel channel =
        known == null || known.isShutdown() || newConnection ? connections.open() : known;
    try {
      word.say(channel).get(patience.toMillis() + 100, TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.debug("{} did not hear the last word", connections, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      channel.shutdownNow();
    }
  }

  private void beat(ManagedChannel channel) {
    try {
      long answeredNanos = System.nanoTime();
      for (int beats = 1; beating; beats++) {
        try {
          beatOnce(channel, options.silence().minusNanos(System.nanoTime() - answeredNanos));
          answeredNanos = System.nanoTime();
        } catch (StatusRuntimeException e) {
          // A connection that broke is made anew; a destination that is gone does not answer on it.
          if (PeerError.from(e.getTrailers()) != null
              || System.nanoTime() - answeredNanos > options.silence().toNanos()) {
            throw failed("a sign of life", e);
          }
          LOG.debug("no sign of life from {}", connections, e);
          Thread.sleep(FIRST_HEARTBEAT);
          channel.resetConnectBackoff();
          continue;
        }
        Thread.sleep(
            beats < FIRST_BEATS && FIRST_HEARTBEAT.compareTo(options.heartbeat()) < 0
                ? FIRST_HEARTBEAT
                : options.heartbeat());
      }
    } catch (MigrationException e) {
      if (beating) {
        lose(e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void beatOnce(ManagedChannel channel, Duration patience) throws InterruptedException {
    HeartbeatRequest request = HeartbeatRequest.newBuilder().setToken(token).build();
    long start = System.nanoTime();
    HeartbeatReply reply;
    try {
      reply = stub(channel, patience).heartbeat(request).get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof StatusRuntimeException status) {
        throw status;
      }
      throw new MigrationException(
          MigrationException.Code.PEER_LOST, "the heartbeat failed: " + e, e);
    }
    long nanos = System.nanoTime() - start;
    roundTripNanos = roundTripNanos == 0 ? nanos : Math.min(nanos, roundTripNanos);
    if (reply.getState() == HandoverState.HANDOVER_STATE_ABORTED) {
      throw new MigrationException(
          MigrationException.Code.PEER_FAILED, connections + " gave the machine up");
    }
    pages.forEach(sender -> sender.landed(reply.getLandedPages()));
  }

  /** The destination is gone: whoever waits for it fails now. */
  private void lose(MigrationException why) {
    LOG.warn("{}", why.getMessage());
    lost = why;
    ManagedChannel channel = control;
    if (channel != null) {
      channel.shutdownNow();
    }
    pages.forEach(sender -> sender.fail(why));
  }

  private @Nullable MigrationException lost() {
    return lost;
  }

  private void stopHeart() {
    beating = false;
    Thread thread = heart;
    if (thread != null) {
      thread.interrupt();
    }
  }

  private ManagedChannel requireControl() {
    ManagedChannel channel = control;
    if (channel == null) {
      throw new IllegalStateException("not begun");
    }
    return channel;
  }

  /** What a failed call means once the destination had accepted the machine. */
  private MigrationException failed(String what, StatusRuntimeException e) {
    MigrationException known = lost;
    if (known != null) {
      return known;
    }
    PeerError said = PeerError.from(e.getTrailers());
    return said != null
        ? new MigrationException(
            MigrationException.Code.PEER_FAILED,
            "%s failed: %s".formatted(connections, said.message()),
            e)
        : new MigrationException(
            MigrationException.Code.PEER_LOST,
            "%s was lost, waiting for %s: %s".formatted(connections, what, connections.why(e)),
            e);
  }

  private static MigrationFutureStub stub(ManagedChannel channel, Duration deadline) {
    // The network's thread wakes whoever waits for the answer: by way of another it would wake two.
    return MigrationGrpc.newFutureStub(channel)
        .withExecutor(MoreExecutors.directExecutor())
        .withDeadlineAfter(deadline.toNanos(), TimeUnit.NANOSECONDS);
  }

  private static <T> T call(ListenableFuture<T> future) {
    try {
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof StatusRuntimeException status) {
        throw status;
      }
      throw new MigrationException(MigrationException.Code.INTERNAL, "a call failed: " + e, e);
    } catch (InterruptedException e) {
      future.cancel(true);
      throw interrupted();
    }
  }

  private static MigrationException interrupted() {
    return new MigrationException(MigrationException.Code.CANCELLED, "interrupted");
  }

  @Override
  public void close() {
    stopHeart();
    pages.forEach(PageSender::close);
    ManagedChannel channel = control;
    if (channel != null) {
      channel.shutdownNow();
    }
    connections.close();
  }
}
