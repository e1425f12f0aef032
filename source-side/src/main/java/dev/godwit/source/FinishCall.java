package dev.godwit.source;

import dev.godwit.proto.v1.FinishPart;
import dev.godwit.proto.v1.MigrationGrpc;
import dev.godwit.proto.v1.Prepared;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The call that sends sections and metadata; they are in memory anyway, so it sends them at once.
 */
final class FinishCall extends ClientCall.Listener<Prepared> {
  private final CompletableFuture<Prepared> result = new CompletableFuture<>();
  private @Nullable Prepared reply;

  private FinishCall() {}

  /**
   * Sends the parts and waits for the answer.
   *
   * @throws StatusRuntimeException if it fails
   */
  static Prepared call(ManagedChannel channel, Duration deadline, List<FinishPart> parts)
      throws InterruptedException {
    ClientCall<FinishPart, Prepared> call =
        channel.newCall(
            MigrationGrpc.getFinishMethod(),
            CallOptions.DEFAULT.withDeadlineAfter(deadline.toNanos(), TimeUnit.NANOSECONDS));
    FinishCall listener = new FinishCall();
    call.start(listener, new Metadata());
    call.request(2);
    parts.forEach(call::sendMessage);
    call.halfClose();
    try {
      return listener.result.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof StatusRuntimeException status) {
        throw status;
      }
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      call.cancel("interrupted", e);
      throw e;
    }
  }

  @Override
  public void onMessage(Prepared message) {
    reply = message;
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    Prepared prepared = reply;
    if (status.isOk() && prepared != null) {
      result.complete(prepared);
    } else {
      result.completeExceptionally(status.asRuntimeException(trailers));
    }
  }
}
