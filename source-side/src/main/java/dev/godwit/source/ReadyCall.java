package dev.godwit.source;

import com.google.common.util.concurrent.MoreExecutors;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
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
 * A call with one answer that is opened before there is anything to say: both ends have made what
 * belongs to it when the guest stands still. It sends what it is given at once, on the connection's
 * own thread: handing over one message after the other woke that thread for each.
 *
 * <p>One thread gives it what to send and waits. A call that nobody ends goes with its connection.
 */
final class ReadyCall<Q, R> extends ClientCall.Listener<R> {
  private final CompletableFuture<R> result = new CompletableFuture<>();
  private final ClientCall<Q, R> call;
  private final Executor network;

  /** By the connection's thread only. */
  private @Nullable R reply;

  private ReadyCall(ClientCall<Q, R> call, Executor network) {
    this.call = call;
    this.network = network;
  }

  /**
   * Opens the call; nobody waits for that.
   *
   * @param network the connection's thread
   */
  static <Q, R> ReadyCall<Q, R> open(
      ManagedChannel channel, MethodDescriptor<Q, R> method, Executor network) {
    // It is the same on the network, but of a call with one request nothing is sent before that.
    MethodDescriptor<Q, R> streaming =
        method.toBuilder().setType(MethodType.CLIENT_STREAMING).build();
    ReadyCall<Q, R> opened =
        new ReadyCall<>(
            channel.newCall(
                streaming, CallOptions.DEFAULT.withExecutor(MoreExecutors.directExecutor())),
            network);
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

  /** Sends messages, and does not wait. */
  void send(List<Q> messages) {
    onNetwork(() -> messages.forEach(call::sendMessage));
  }

  /**
   * Sends the last message and waits for the answer.
   *
   * @throws StatusRuntimeException if it fails
   */
  R end(Q last, Duration patience) throws InterruptedException {
    onNetwork(
        () -> {
          call.sendMessage(last);
          call.halfClose();
        });
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
  public void onMessage(R message) {
    reply = message;
  }

  @Override
  public void onClose(Status status, Metadata trailers) {
    R answer = reply;
    if (status.isOk() && answer != null) {
      result.complete(answer);
    } else {
      result.completeExceptionally(status.asRuntimeException(trailers));
    }
  }
}
