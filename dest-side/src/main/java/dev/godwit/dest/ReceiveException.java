package dev.godwit.dest;

import dev.godwit.machine.MachineException;
import dev.godwit.memory.MemoryException;
import dev.godwit.snapshot.SnapshotException;
import dev.godwit.wire.PeerError;
import dev.godwit.wire.WireException;
import org.jspecify.annotations.Nullable;

/** A machine was not received; nothing of it is left here. */
public final class ReceiveException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final PeerError.Code code;

  /**
   * @param code what went wrong, as the source is told
   * @param message a sentence that users of both sides can act on
   */
  public ReceiveException(PeerError.Code code, String message) {
    this(code, message, null);
  }

  /**
   * @param code what went wrong, as the source is told
   * @param message a sentence that users of both sides can act on
   * @param cause what was caught
   */
  public ReceiveException(PeerError.Code code, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** Returns what went wrong. */
  public PeerError.Code code() {
    return code;
  }

  /** Returns what the source is told. */
  PeerError toPeerError() {
    return new PeerError(code, String.valueOf(getMessage()));
  }

  /** Says of any failure what kind it is. */
  static ReceiveException of(RuntimeException failure) {
    String message = String.valueOf(failure.getMessage());
    return switch (failure) {
      case ReceiveException e -> e;
      case WireException e -> new ReceiveException(e.code(), message, e);
      case SnapshotException e -> new ReceiveException(code(e.code()), message, e);
      case MachineException e -> new ReceiveException(code(e.code()), message, e);
      case MemoryException e -> new ReceiveException(PeerError.Code.MEMORY, message, e);
      default ->
          new ReceiveException(
              PeerError.Code.INTERNAL, "this should not happen: " + failure, failure);
    };
  }

  private static PeerError.Code code(SnapshotException.Code code) {
    return switch (code) {
      case TOO_NEW, MISSING_BASE, MISSING_SECTION, UNEXPECTED_SECTION, BAD_VALUE ->
          PeerError.Code.SECTIONS;
      case NOT_A_SNAPSHOT -> PeerError.Code.PROTOCOL;
      case TRUNCATED, CORRUPT -> PeerError.Code.CORRUPT;
      case HOST_IO -> PeerError.Code.INTERNAL;
    };
  }

  private static PeerError.Code code(MachineException.Code code) {
    return switch (code) {
      case BAD_CONFIG -> PeerError.Code.CONFIG;
      case HOST_REFUSED -> PeerError.Code.MEMORY;
      case WRONG_STATE, LOCK_TIMEOUT -> PeerError.Code.INTERNAL;
    };
  }
}
