package dev.godwit.source;

import com.google.common.util.concurrent.MoreExecutors;
import com.google.protobuf.ByteString;
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
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * The call that sends sections and metadata; they are in memory anyway, so it sends what it is
 * given at once, on the connection's own thread: handing over one message after the other woke that
 * thread for each, while the guest stood still.
 *
 * <p>One thread gives it what to send and waits.
 */
final class FinishCall extends ClientCall.Listener<Prepared> {
  private final CompletableFuture<Prepared> result = new CompletableFuture<>();
  private final ClientCall<FinishPart, Prepared> call;
  private final Executor network;
  private final ByteString token;

  /** By the connection's thread only, as all below. */
  private boolean begun;

  private @Nullable Prepared reply;

  private FinishCall(ClientCall<FinishPart, Prepared> call, Executor network, ByteString token) {
    this.call = call;
    this.network = network;
    this.token = token;
  }

  /**
   * Begins the call.
   *
   * @param network the connection's thread
   * @param token goes with whatever is sent first
   */
  static FinishCall open(ManagedChannel channel, Executor network, ByteString token) {
    FinishCall opened =
        new FinishCall(
            channel.newCall(
                MigrationGrpc.getFinishMethod(),
                CallOptions.DEFAULT.withExecutor(MoreExecutors.directExecutor())),
            network,
            token);
    opened.onNetwork(
        () -> {
          opened.call.start(opened, new Metadata());
          opened.call.request(2);
        });
    return opened;
  }

  private void onNetwork(Runnable action) {
    network.execute(
        () -> {
          try {
            action.run();
          } catch (RuntimeException e) {
            result.completeExceptionally(e);
          }
        });
  }

  /** Says whether it has failed, though not all was said: its connection broke meanwhile. */
  boolean isOver() {
    return result.isDone();
  }

  /** Sends parts, and does not wait. */
  void send(List<FinishPart.Builder> parts) {
    onNetwork(
        () -> {
          for (FinishPart.Builder part : parts) {
            call.sendMessage((begun ? part : part.setToken(token)).build());
            begun = true;
          }
        });
  }

  /**
   * Sends the last part and waits for the answer.
   *
   * @throws StatusRuntimeException if it fails
   */
  Prepared end(FinishPart.Builder last, Duration patience) throws InterruptedException {
    send(List.of(last));
    onNetwork(call::halfClose);
    try {
      return result.get(patience.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      call.cancel("no answer in time", e);
      throw Status.DEADLINE_EXCEEDED.asRuntimeException();
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
