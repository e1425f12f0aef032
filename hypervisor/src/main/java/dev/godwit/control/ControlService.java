package dev.godwit.control;

import dev.godwit.machine.MachineException;
import dev.godwit.proto.v1.CancelMigrationReply;
import dev.godwit.proto.v1.CancelMigrationRequest;
import dev.godwit.proto.v1.ConsoleInput;
import dev.godwit.proto.v1.ConsoleOutput;
import dev.godwit.proto.v1.ControlGrpc;
import dev.godwit.proto.v1.MigrateEvent;
import dev.godwit.proto.v1.MigrateRequest;
import dev.godwit.proto.v1.PauseReply;
import dev.godwit.proto.v1.PauseRequest;
import dev.godwit.proto.v1.ResumeReply;
import dev.godwit.proto.v1.ResumeRequest;
import dev.godwit.proto.v1.SnapshotRequest;
import dev.godwit.proto.v1.StatusReply;
import dev.godwit.proto.v1.StatusRequest;
import dev.godwit.proto.v1.StopReply;
import dev.godwit.proto.v1.StopRequest;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The control API's calls, each turned into one of {@link ControlActions}. */
final class ControlService extends ControlGrpc.ControlImplBase {
  private static final Logger LOG = LoggerFactory.getLogger(ControlService.class);

  private final ControlActions actions;

  ControlService(ControlActions actions) {
    this.actions = actions;
  }

  @Override
  public void status(StatusRequest request, StreamObserver<StatusReply> reply) {
    answer(reply, () -> ControlCodec.toProto(actions.status()));
  }

  @Override
  public void pause(PauseRequest request, StreamObserver<PauseReply> reply) {
    answer(
        reply,
        () -> {
          actions.pause();
          return PauseReply.getDefaultInstance();
        });
  }

  @Override
  public void resume(ResumeRequest request, StreamObserver<ResumeReply> reply) {
    answer(
        reply,
        () -> {
          actions.resume(request.getForce());
          return ResumeReply.getDefaultInstance();
        });
  }

  @Override
  public void stop(StopRequest request, StreamObserver<StopReply> reply) {
    answer(
        reply,
        () ->
            StopReply.newBuilder()
                .setReason(
                    actions.stop(
                        request.getForce(), ControlCodec.duration(request.getTimeoutMillis())))
                .build());
  }

  @Override
  public void cancelMigration(
      CancelMigrationRequest request, StreamObserver<CancelMigrationReply> reply) {
    answer(
        reply,
        () -> CancelMigrationReply.newBuilder().setCancelled(actions.cancelTransfer()).build());
  }

  @Override
  public StreamObserver<ConsoleInput> console(StreamObserver<ConsoleOutput> output) {
    return new ConsoleCall(actions, (ServerCallStreamObserver<ConsoleOutput>) output);
  }

  @Override
  public void migrate(MigrateRequest request, StreamObserver<MigrateEvent> events) {
    transfer(events, progress -> actions.migrate(ControlCodec.fromProto(request), progress));
  }

  @Override
  public void snapshot(SnapshotRequest request, StreamObserver<MigrateEvent> events) {
    transfer(events, progress -> actions.snapshot(ControlCodec.fromProto(request), progress));
  }

  /**
   * A thread of its own: while this call's executor is blocked, gRPC tells nothing of a cancel. One
   * of the system's: each time that a virtual one goes on, two others are woken for it, and the
   * guest stands still meanwhile.
   */
  private void transfer(
      StreamObserver<MigrateEvent> observer,
      Function<Consumer<TransferEvent>, TransferEvent> action) {
    ServerCallStreamObserver<MigrateEvent> events =
        (ServerCallStreamObserver<MigrateEvent>) observer;
    events.setOnCancelHandler(actions::cancelTransfer);
    Thread.ofPlatform()
        .daemon()
        .name("control-transfer")
        .start(
            () -> {
              try {
                TransferEvent last = action.apply(new Progress(events));
                if (!events.isCancelled()) {
                  events.onNext(ControlCodec.toProto(last));
                }
                finish(events, last);
              } catch (RuntimeException e) {
                fail(events, e);
              }
            });
  }

  private static void finish(ServerCallStreamObserver<MigrateEvent> events, TransferEvent last) {
    if (events.isCancelled()) {
      return;
    }
    switch (last.phase()) {
      case DONE -> events.onCompleted();
      case CANCELLED ->
          events.onError(
              ControlCodec.toStatus(
                  new ControlException(ControlException.Code.CANCELLED, last.error())));
      default ->
          events.onError(
              ControlCodec.toStatus(
                  new ControlException(ControlException.Code.FAILED, last.error())));
    }
  }

  /** Passes progress on to a client that keeps up; what a slow one misses is outdated anyway. */
  private record Progress(ServerCallStreamObserver<MigrateEvent> events)
      implements Consumer<TransferEvent> {
    @Override
    public void accept(TransferEvent event) {
      if (events.isReady() && !events.isCancelled()) {
        events.onNext(ControlCodec.toProto(event));
      }
    }
  }

  private static <T> void answer(StreamObserver<T> reply, Supplier<T> action) {
    T value;
    try {
      value = action.get();
    } catch (RuntimeException e) {
      fail(reply, e);
      return;
    }
    reply.onNext(value);
    reply.onCompleted();
  }

  static void fail(StreamObserver<?> reply, RuntimeException e) {
    if (reply instanceof ServerCallStreamObserver<?> call && call.isCancelled()) {
      LOG.debug("a call was cancelled", e);
      return;
    }
    ControlException told =
        switch (e) {
          case ControlException c -> c;
          case MachineException m ->
              new ControlException(
                  switch (m.code()) {
                    case BAD_CONFIG -> ControlException.Code.BAD_REQUEST;
                    case WRONG_STATE -> ControlException.Code.WRONG_STATE;
                    case HOST_REFUSED -> ControlException.Code.HOST_REFUSED;
                    case LOCK_TIMEOUT -> ControlException.Code.FAILED;
                  },
                  String.valueOf(m.getMessage()),
                  m);
          default -> {
            LOG.error("a control call failed", e);
            yield new ControlException(ControlException.Code.INTERNAL, e.toString(), e);
          }
        };
    reply.onError(ControlCodec.toStatus(told));
  }
}
