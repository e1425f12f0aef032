package dev.godwit.dest;

import com.google.protobuf.ByteString;
import dev.godwit.proto.v1.AbortRequest;
import dev.godwit.proto.v1.CodeHints;
import dev.godwit.proto.v1.CodeHintsReply;
import dev.godwit.proto.v1.CommitRequest;
import dev.godwit.proto.v1.FinishPart;
import dev.godwit.proto.v1.HandoverReply;
import dev.godwit.proto.v1.HeartbeatReply;
import dev.godwit.proto.v1.HeartbeatRequest;
import dev.godwit.proto.v1.HelloReply;
import dev.godwit.proto.v1.HelloRequest;
import dev.godwit.proto.v1.MigrationGrpc;
import dev.godwit.proto.v1.PreflightReply;
import dev.godwit.proto.v1.PreflightRequest;
import dev.godwit.proto.v1.Prepared;
import dev.godwit.proto.v1.QueryRequest;
import dev.godwit.proto.v1.ReleaseReply;
import dev.godwit.proto.v1.ReleaseRequest;
import dev.godwit.snapshot.Section;
import dev.godwit.stream.CodeHintCodec;
import dev.godwit.stream.StreamCodec;
import dev.godwit.wire.PageBatch;
import dev.godwit.wire.PageEncoding;
import dev.godwit.wire.PeerError;
import dev.godwit.wire.ProtocolVersion;
import dev.godwit.wire.StreamOpening;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Messages in, messages out: what they mean is the {@link Receiver}'s. Threads of the network and
 * virtual ones, as {@link MigrationServer} says.
 */
final class MigrationService extends MigrationGrpc.MigrationImplBase {
  private static final Logger LOG = LoggerFactory.getLogger(MigrationService.class);
  private static final long MAX_SECTIONS_BYTES = 512L << 20;

  private final Receiver receiver;
  private final String producer;
  private final Executor calls;

  /**
   * @param calls for what takes long
   */
  MigrationService(Receiver receiver, String producer, Executor calls) {
    this.receiver = receiver;
    this.producer = producer;
    this.calls = calls;
  }

  @Override
  public void hello(HelloRequest request, StreamObserver<HelloReply> out) {
    reply(out, () -> ProtocolVersion.answer(request, producer));
  }

  @Override
  public void preflight(PreflightRequest request, StreamObserver<PreflightReply> out) {
    reply(
        out,
        () -> {
          receiver.preflight(request);
          return PageEncoding.consent(PreflightReply.newBuilder())
              .setMaxStreams(StreamOpening.MAX_STREAMS)
              .setTakesCodeHints(true)
              .setMaxBatchPages(PageBatch.MAX_CONTENT_PAGES)
              .build();
        });
  }

  @Override
  public void hint(CodeHints request, StreamObserver<CodeHintsReply> out) {
    reply(
        out,
        () -> {
          receiver.hint(request.getToken(), request.getVcpu(), CodeHintCodec.fromProto(request));
          return CodeHintsReply.getDefaultInstance();
        });
  }

  @Override
  public void commit(CommitRequest request, StreamObserver<HandoverReply> out) {
    long arrived = System.nanoTime();
    reply(out, () -> receiver.commit(request.getToken(), request.getStoppedNanos(), arrived));
  }

  @Override
  public void query(QueryRequest request, StreamObserver<HandoverReply> out) {
    reply(out, () -> receiver.query(request.getToken()));
  }

  @Override
  public void release(ReleaseRequest request, StreamObserver<ReleaseReply> out) {
    reply(
        out,
        () -> {
          receiver.release(request.getToken());
          return ReleaseReply.getDefaultInstance();
        });
  }

  @Override
  public void abort(AbortRequest request, StreamObserver<HandoverReply> out) {
    reply(out, () -> receiver.abort(request.getToken(), PeerError.fromProto(request.getError())));
  }

  @Override
  public void heartbeat(HeartbeatRequest request, StreamObserver<HeartbeatReply> out) {
    reply(
        out,
        () -> {
          if (request.getStopFollows()) {
            receiver.requireReceiving(request.getToken()).rehearse();
          }
          return HeartbeatReply.newBuilder()
              .setState(receiver.answer(request.getToken()).getState())
              .setLandedPages(receiver.landedPages())
              .build();
        });
  }

  @Override
  public StreamObserver<FinishPart> finish(StreamObserver<Prepared> out) {
    return new Finish(out);
  }

  /** Collects sections until the metadata comes; the machine is restored from them meanwhile. */
  private final class Finish implements StreamObserver<FinishPart> {
    private final StreamObserver<Prepared> out;
    private final List<Section> sections = new ArrayList<>();
    private ByteString token = ByteString.EMPTY;
    private long bytes;
    private boolean first = true;
    private boolean failed;
    private dev.godwit.proto.v1.@Nullable StreamMetadata metadata;

    Finish(StreamObserver<Prepared> out) {
      this.out = out;
    }

    @Override
    public void onNext(FinishPart part) {
      if (failed) {
        return;
      }
      try {
        if (first) {
          token = part.getToken();
          first = false;
        }
        Incoming machine = receiver.requireReceiving(token);
        bytes += part.getSection().getPayload().size();
        if (metadata != null
            || sections.size() > machine.announcedSections()
            || bytes > MAX_SECTIONS_BYTES) {
          throw new ReceiveException(
              PeerError.Code.SECTIONS, "more state comes than was announced");
        }
        switch (part.getPartCase()) {
          case SECTION -> {
            sections.add(StreamCodec.fromProto(part.getSection()));
            if (sections.size() == machine.announcedSections()) {
              machine.restore(sections);
            }
          }
          case METADATA -> metadata = part.getMetadata();
          case PART_NOT_SET ->
              throw new ReceiveException(
                  PeerError.Code.PROTOCOL, "something comes that is no section");
        }
      } catch (RuntimeException e) {
        fail(e);
      }
    }

    @Override
    public void onCompleted() {
      if (failed) {
        return;
      }
      dev.godwit.proto.v1.StreamMetadata last = metadata;
      if (last == null) {
        fail(new ReceiveException(PeerError.Code.CORRUPT, "the state ends before its metadata"));
      } else if (last.getRamDigest() != 0) {
        // All of RAM is read for it: the network's thread has signs of life to answer meanwhile.
        calls.execute(() -> complete(last));
      } else {
        complete(last);
      }
    }

    private void complete(dev.godwit.proto.v1.StreamMetadata last) {
      try {
        Incoming machine = receiver.requireReceiving(token);
        long digest = receiver.complete(token, sections, StreamCodec.fromProto(last));
        out.onNext(
            Prepared.newBuilder()
                .setRamDigest(digest)
                .setRestoreNanos(machine.restoreNanos())
                .build());
        out.onCompleted();
      } catch (RuntimeException e) {
        fail(e);
      }
    }

    @Override
    public void onError(Throwable t) {
      LOG.debug("the source cancelled the end of its state", t);
    }

    private void fail(RuntimeException failure) {
      failed = true;
      ReceiveException why = explain(failure);
      out.onError(why.toPeerError().toStatus());
      receiver.giveUpIfMine(token, why);
    }
  }

  private static <T> void reply(StreamObserver<T> out, Supplier<T> answer) {
    T reply;
    try {
      reply = answer.get();
    } catch (RuntimeException e) {
      out.onError(explain(e).toPeerError().toStatus());
      return;
    }
    out.onNext(reply);
    out.onCompleted();
  }

  static ReceiveException explain(RuntimeException failure) {
    ReceiveException why = ReceiveException.of(failure);
    if (why.code() == PeerError.Code.INTERNAL) {
      LOG.error("receiving failed", failure);
    } else {
      LOG.warn("receiving failed: {}", why.getMessage());
    }
    return why;
  }
}
