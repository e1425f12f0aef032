package dev.godwit.wire;

import dev.godwit.proto.v1.ErrorCode;
import dev.godwit.proto.v1.MigrationError;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.ProtoUtils;
import org.jspecify.annotations.Nullable;

/**
 * What went wrong at the other side, as it travels: in the trailers of a failed call, or in a
 * reply.
 *
 * @param code what kind of failure
 * @param message a sentence for a person; at most {@value #MAX_MESSAGE_CHARS} characters, no
 *     control characters, so that a hostile peer's text can be printed on a terminal
 */
public record PeerError(Code code, String message) {
  /** Longest message that is passed on. */
  public static final int MAX_MESSAGE_CHARS = 1000;

  private static final Metadata.Key<MigrationError> TRAILER =
      ProtoUtils.keyForProto(MigrationError.getDefaultInstance());

  /** What kind of failure; each constant is one of the protocol's error codes. */
  public enum Code {
    /** No protocol version in common, or the format is too new. */
    VERSION(ErrorCode.ERROR_CODE_VERSION),
    /** The machine's configuration cannot be built there. */
    CONFIG(ErrorCode.ERROR_CODE_CONFIG),
    /** Not enough memory. */
    MEMORY(ErrorCode.ERROR_CODE_MEMORY),
    /** A machine of that name is there already. */
    NAME_TAKEN(ErrorCode.ERROR_CODE_NAME_TAKEN),
    /** A section is newer than the destination reads, unknown there, or missing. */
    SECTIONS(ErrorCode.ERROR_CODE_SECTIONS),
    /** The destination has a machine already. */
    BUSY(ErrorCode.ERROR_CODE_BUSY),
    /** The call does not fit what was agreed. */
    PROTOCOL(ErrorCode.ERROR_CODE_PROTOCOL),
    /** A checksum or digest does not match. */
    CORRUPT(ErrorCode.ERROR_CODE_CORRUPT),
    /** Pages are missing, twice or outside RAM, or a batch is malformed. */
    BAD_PAGES(ErrorCode.ERROR_CODE_BAD_PAGES),
    /** A side fell silent or took too long. */
    TIMEOUT(ErrorCode.ERROR_CODE_TIMEOUT),
    /** A user cancelled. */
    CANCELLED(ErrorCode.ERROR_CODE_CANCELLED),
    /** Something broke that should not. */
    INTERNAL(ErrorCode.ERROR_CODE_INTERNAL),
    /** The source gave up for a reason of its own. */
    SOURCE_FAILED(ErrorCode.ERROR_CODE_SOURCE_FAILED);

    private final ErrorCode proto;

    Code(ErrorCode proto) {
      this.proto = proto;
    }

    /**
     * Returns the constant for a code; {@link #INTERNAL} for one that this program does not know.
     */
    private static Code of(ErrorCode proto) {
      for (Code code : values()) {
        if (code.proto == proto) {
          return code;
        }
      }
      return INTERNAL;
    }
  }

  /** Makes the message safe to print. */
  public PeerError {
    StringBuilder safe = new StringBuilder();
    message
        .codePoints()
        .limit(MAX_MESSAGE_CHARS)
        .forEach(
            c ->
                safe.appendCodePoint(
                    Character.isISOControl(c) || Character.getType(c) == Character.FORMAT
                        ? '?'
                        : c));
    message = safe.toString();
  }

  /** Returns the message for a reply. */
  public MigrationError toProto() {
    return MigrationError.newBuilder().setCode(code.proto).setMessage(message).build();
  }

  /** Reads the message of a reply. */
  public static PeerError fromProto(MigrationError proto) {
    return new PeerError(Code.of(proto.getCode()), proto.getMessage());
  }

  /** Returns what a call is to be failed with. */
  public StatusRuntimeException toStatus() {
    return status().asRuntimeException(trailers());
  }

  /** Fails a call that is being served. */
  public void close(ServerCall<?, ?> call) {
    call.close(status(), trailers());
  }

  private Status status() {
    return Status.FAILED_PRECONDITION.withDescription(message);
  }

  private Metadata trailers() {
    Metadata trailers = new Metadata();
    trailers.put(TRAILER, toProto());
    return trailers;
  }

  /**
   * Returns what the other side said when it failed a call; null when it said nothing, so that the
   * link is to blame.
   */
  public static @Nullable PeerError from(@Nullable Metadata trailers) {
    MigrationError error = trailers == null ? null : trailers.get(TRAILER);
    return error == null ? null : fromProto(error);
  }
}
