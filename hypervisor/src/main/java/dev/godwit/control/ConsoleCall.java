package dev.godwit.control;

import com.google.protobuf.ByteString;
import dev.godwit.backend.Console;
import dev.godwit.proto.v1.ConsoleInput;
import dev.godwit.proto.v1.ConsoleOutput;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One client's console: the first message attaches, every later one is input.
 *
 * <p>Output waits while the client is slow, on the console's virtual thread for this client; the
 * console drops what does not fit into its ring meanwhile and says how much. gRPC calls the input
 * side one message at a time, so waiting for the guest to read holds back this client only.
 */
final class ConsoleCall implements StreamObserver<ConsoleInput>, Console.Listener {
  private final ControlActions actions;
  private final ServerCallStreamObserver<ConsoleOutput> client;
  private final Object ready = new Object();
  private volatile Console.@Nullable Attachment attachment;
  private boolean ended;

  ConsoleCall(ControlActions actions, ServerCallStreamObserver<ConsoleOutput> client) {
    this.actions = actions;
    this.client = client;
    client.setOnReadyHandler(this::wakeOutput);
    client.setOnCancelHandler(this::detach);
  }

  @Override
  public void onNext(ConsoleInput input) {
    Console.Attachment attached = attachment;
    if (attached == null) {
      try {
        attachment = actions.console().attach(this, !input.getSkipScrollback());
      } catch (RuntimeException e) {
        end();
        ControlService.fail(client, e);
      }
      return;
    }
    byte[] bytes = input.getData().toByteArray();
    try {
      int taken = attached.write(bytes);
      while (taken < bytes.length && attached.awaitRoom()) {
        taken += attached.write(Arrays.copyOfRange(bytes, taken, bytes.length));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void onError(Throwable cause) {
    detach();
  }

  /** The client has no more input but still wants output. */
  @Override
  public void onCompleted() {}

  @Override
  public void output(byte[] bytes, long droppedBytes) {
    synchronized (ready) {
      while (!client.isReady() && !ended && !client.isCancelled()) {
        try {
          ready.wait();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return;
        }
      }
      if (ended || client.isCancelled()) {
        return;
      }
      client.onNext(
          ConsoleOutput.newBuilder()
              .setData(ByteString.copyFrom(bytes))
              .setDroppedBytes(droppedBytes)
              .build());
    }
  }

  @Override
  public void closed() {
    synchronized (ready) {
      if (!ended && !client.isCancelled()) {
        ended = true;
        client.onCompleted();
      }
    }
  }

  private void wakeOutput() {
    synchronized (ready) {
      ready.notifyAll();
    }
  }

  private void end() {
    synchronized (ready) {
      ended = true;
      ready.notifyAll();
    }
  }

  private void detach() {
    end();
    Console.Attachment attached = attachment;
    if (attached != null) {
      attached.close();
    }
  }
}
