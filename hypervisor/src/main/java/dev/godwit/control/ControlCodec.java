package dev.godwit.control;

import dev.godwit.proto.v1.Downtime;
import dev.godwit.proto.v1.MigrateEvent;
import dev.godwit.proto.v1.MigrateRequest;
import dev.godwit.proto.v1.Saved;
import dev.godwit.proto.v1.SnapshotRequest;
import dev.godwit.proto.v1.StatusReply;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.StatusRuntimeException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The records of this package to and from their messages, errors to and from gRPC statuses. */
final class ControlCodec {
  private ControlCodec() {}

  static StatusReply toProto(MachineStatus status) {
    StatusReply.Builder reply =
        StatusReply.newBuilder()
            .setName(status.name())
            .setState(status.state().text())
            .setDetail(status.detail())
            .setPid(status.pid())
            .setEngine(status.engine())
            .setRamBytes(status.ramBytes())
            .setVcpus(status.vcpus())
            .setCpuModel(status.cpuModel())
            .setGuestNanos(status.guestNanos())
            .setDirtyPages(status.dirtyPages())
            .setListen(status.listen())
            .setVersion(status.version());
    TransferEvent transfer = status.transfer();
    if (transfer != null) {
      reply.setMigration(toProto(transfer));
    }
    return reply.build();
  }

  static MachineStatus fromProto(StatusReply reply) {
    return new MachineStatus(
        reply.getName(),
        MachineStatus.State.of(reply.getState()),
        reply.getDetail(),
        reply.getPid(),
        reply.getEngine(),
        reply.getRamBytes(),
        reply.getVcpus(),
        reply.getCpuModel(),
        reply.getGuestNanos(),
        reply.getDirtyPages(),
        reply.hasMigration() ? fromProto(reply.getMigration()) : null,
        reply.getListen(),
        reply.getVersion());
  }

  static MigrateEvent toProto(TransferEvent event) {
    MigrateEvent.Builder message =
        MigrateEvent.newBuilder()
            .setKind(event.kind().text())
            .setTarget(event.target())
            .setPhase(event.phase().text())
            .setRound(event.round())
            .setPagesSent(event.pagesSent())
            .setZeroPages(event.zeroPages())
            .setBytesSent(event.bytesSent())
            .setRemainingPages(event.remainingPages())
            .setBytesPerSecond(event.bytesPerSecond())
            .setDirtyPagesPerSecond(event.dirtyPagesPerSecond())
            .setThrottlePercent(event.throttlePercent())
            .setExpectedDowntimeMillis(event.expectedDowntimeMillis())
            .setElapsedMillis(event.elapsedMillis())
            .setErrorCode(event.errorCode())
            .setError(event.error())
            .setRamDigest(event.ramDigest());
    TransferEvent.Downtime downtime = event.downtime();
    if (downtime != null) {
      message.setDowntime(
          Downtime.newBuilder()
              .setTotalMicros(downtime.totalMicros())
              .setLockMicros(downtime.lockMicros())
              .setLastPagesMicros(downtime.lastPagesMicros())
              .setDevicesMicros(downtime.devicesMicros())
              .setCommitMicros(downtime.commitMicros()));
    }
    TransferEvent.Saved saved = event.saved();
    if (saved != null) {
      message.setSaved(
          Saved.newBuilder()
              .setDeltaPages(saved.deltaPages())
              .setDeltaBytes(saved.deltaBytes())
              .setHeldPages(saved.heldPages())
              .setHeldBytes(saved.heldBytes()));
    }
    return message.build();
  }

  static TransferEvent fromProto(MigrateEvent message) {
    return new TransferEvent(
        TransferEvent.Kind.of(message.getKind()),
        message.getTarget(),
        TransferEvent.Phase.of(message.getPhase()),
        message.getRound(),
        message.getPagesSent(),
        message.getZeroPages(),
        message.getBytesSent(),
        message.getRemainingPages(),
        message.getBytesPerSecond(),
        message.getDirtyPagesPerSecond(),
        message.getThrottlePercent(),
        message.getExpectedDowntimeMillis(),
        message.getElapsedMillis(),
        message.hasDowntime() ? fromProto(message.getDowntime()) : null,
        message.getErrorCode(),
        message.getError(),
        message.getRamDigest(),
        message.hasSaved() ? fromProto(message.getSaved()) : null);
  }

  private static TransferEvent.Saved fromProto(Saved message) {
    return new TransferEvent.Saved(
        message.getDeltaPages(),
        message.getDeltaBytes(),
        message.getHeldPages(),
        message.getHeldBytes());
  }

  private static TransferEvent.Downtime fromProto(Downtime message) {
    return new TransferEvent.Downtime(
        message.getTotalMicros(),
        message.getLockMicros(),
        message.getLastPagesMicros(),
        message.getDevicesMicros(),
        message.getCommitMicros());
  }

  static MigrateRequest toProto(MigrateOrder order) {
    return MigrateRequest.newBuilder()
        .setTo(order.to())
        .setMaxDowntimeMillis(millis(order.maxDowntime()))
        .setTimeoutMillis(millis(order.timeout()))
        .setBandwidthBytes(order.bandwidthBytesPerSecond())
        .setCompression(order.compression())
        .setVerify(order.verify())
        .setOnTimeout(order.onTimeout())
        .setMaxThrottlePercent(order.maxThrottlePercent())
        .setStreams(order.streams())
        .setDeltaCacheBytes(order.deltaCacheBytes())
        .build();
  }

  static MigrateOrder fromProto(MigrateRequest request) {
    if (request.getBandwidthBytes() < 0) {
      throw new ControlException(
          ControlException.Code.BAD_REQUEST, "the bandwidth is out of range");
    }
    return new MigrateOrder(
        request.getTo(),
        duration(request.getMaxDowntimeMillis()),
        duration(request.getTimeoutMillis()),
        request.getBandwidthBytes(),
        request.getCompression(),
        request.getVerify(),
        request.getOnTimeout(),
        request.getMaxThrottlePercent(),
        request.getStreams(),
        request.hasDeltaCacheBytes()
            ? request.getDeltaCacheBytes()
            : MigrateOrder.DEFAULT_DELTA_CACHE_BYTES);
  }

  static SnapshotRequest toProto(SnapshotOrder order) {
    return SnapshotRequest.newBuilder()
        .setFile(order.file().toString())
        .setSuspend(order.suspend())
        .setMaxDowntimeMillis(millis(order.maxDowntime()))
        .setBase(order.base().map(Path::toString).orElse(""))
        .build();
  }

  static SnapshotOrder fromProto(SnapshotRequest request) {
    return new SnapshotOrder(
        path(request.getFile()),
        request.getSuspend(),
        duration(request.getMaxDowntimeMillis()),
        request.getBase().isEmpty() ? Optional.empty() : Optional.of(path(request.getBase())));
  }

  private static Path path(String text) {
    Path file;
    try {
      file = Path.of(text);
    } catch (InvalidPathException e) {
      throw new ControlException(
          ControlException.Code.BAD_REQUEST,
          "the snapshot's path cannot be one: " + e.getMessage());
    }
    if (!file.isAbsolute() || file.getFileName() == null) {
      throw new ControlException(
          ControlException.Code.BAD_REQUEST, "the snapshot's path must be absolute: " + file);
    }
    return file;
  }

  /** The unsigned field holds 49 days; longer is cut to that. */
  static int millis(Duration duration) {
    return (int) Math.min(duration.toMillis(), 0xFFFF_FFFFL);
  }

  static Duration duration(int unsignedMillis) {
    return Duration.ofMillis(Integer.toUnsignedLong(unsignedMillis));
  }

  /** Returns an error as the status that carries it. */
  static StatusRuntimeException toStatus(ControlException e) {
    Status status =
        switch (e.code()) {
          case WRONG_STATE -> Status.FAILED_PRECONDITION;
          case BAD_REQUEST -> Status.INVALID_ARGUMENT;
          case FAILED -> Status.ABORTED;
          case CANCELLED -> Status.CANCELLED;
          case NO_SUCH_MACHINE -> Status.NOT_FOUND;
          case NAME_IN_USE -> Status.ALREADY_EXISTS;
          case HOST_REFUSED -> Status.RESOURCE_EXHAUSTED;
          case NO_ANSWER -> Status.UNAVAILABLE;
          case INTERNAL -> Status.INTERNAL;
        };
    return status.withDescription(e.getMessage()).asRuntimeException();
  }

  /**
   * Returns the error that a status carries.
   *
   * @param name the machine that was asked
   */
  static ControlException fromStatus(String name, Throwable thrown) {
    Status status = statusOf(thrown);
    String description = status == null ? null : status.getDescription();
    Status.Code statusCode = status == null ? Status.Code.UNKNOWN : status.getCode();
    ControlException.Code code =
        switch (statusCode) {
          case FAILED_PRECONDITION -> ControlException.Code.WRONG_STATE;
          case INVALID_ARGUMENT -> ControlException.Code.BAD_REQUEST;
          case ABORTED -> ControlException.Code.FAILED;
          case NOT_FOUND -> ControlException.Code.NO_SUCH_MACHINE;
          case ALREADY_EXISTS -> ControlException.Code.NAME_IN_USE;
          case RESOURCE_EXHAUSTED -> ControlException.Code.HOST_REFUSED;
          // A call that was cut off; a cancelled transfer says so in its last event.
          case UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED -> ControlException.Code.NO_ANSWER;
          default -> ControlException.Code.INTERNAL;
        };
    String message =
        switch (code) {
          case NO_ANSWER ->
              statusCode == Status.Code.DEADLINE_EXCEEDED
                  ? "the process of machine " + name + " does not answer; it may be overloaded"
                  : "the process of machine " + name + " ended while it was asked";
          case INTERNAL ->
              "the process of machine "
                  + name
                  + " failed to answer: "
                  + (description == null ? thrown.toString() : description);
          default -> description == null ? statusCode.toString() : description;
        };
    return new ControlException(code, message, thrown);
  }

  private static @Nullable Status statusOf(Throwable thrown) {
    return switch (thrown) {
      case StatusRuntimeException e -> e.getStatus();
      case StatusException e -> e.getStatus();
      default -> null;
    };
  }
}
