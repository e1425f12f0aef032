package dev.godwit.dest;

import com.google.protobuf.ByteString;
import dev.godwit.proto.v1.RoundReceived;
import dev.godwit.wire.PageBatchReader;
import dev.godwit.wire.PageBatchReader.Landed;
import dev.godwit.wire.StreamOpening;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.Status;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * Serves the stream of pages: the connection's own thread lands each message while it is in the
 * network's buffers.
 */
final class PageReceiver implements ServerCallHandler<InputStream, RoundReceived> {
  /**
   * Messages that may be on their way to the listener; the flow-control window bounds their bytes.
   */
  private static final int READ_AHEAD = 64;

  private final Receiver receiver;

  PageReceiver(Receiver receiver) {
    this.receiver = receiver;
  }

  @Override
  public ServerCall.Listener<InputStream> startCall(
      ServerCall<InputStream, RoundReceived> call, Metadata headers) {
    call.sendHeaders(new Metadata());
    call.request(READ_AHEAD);
    return new Stream(call);
  }

  private final class Stream extends ServerCall.Listener<InputStream> {
    private final ServerCall<InputStream, RoundReceived> call;
    private ByteString token = ByteString.EMPTY;
    private @Nullable IncomingStream stream;
    private boolean failed;

    Stream(ServerCall<InputStream, RoundReceived> call) {
      this.call = call;
    }

    @Override
    public void onMessage(InputStream message) {
      if (failed) {
        return;
      }
      try {
        IncomingStream known = stream;
        if (known == null) {
          open(PageBatchReader.readOpening(message, receiver.protocolVersion()));
        } else {
          receiver.requireReceiving(token);
          if (known.land(message) instanceof Landed.RoundEnd(int round, long pages)) {
            call.sendMessage(RoundReceived.newBuilder().setRound(round).setPages(pages).build());
          }
        }
        call.request(1);
      } catch (RuntimeException e) {
        fail(e);
      }
    }

    private void open(StreamOpening opening) {
      token = ByteString.copyFrom(opening.token());
      IncomingStream opened = receiver.requireReceiving(token).open(opening);
      stream = opened;
      if (opened.wantsPosition()) {
        call.sendMessage(opened.position());
      }
    }

    /** The machine is given up, unless this was not, or not any more, its stream. */
    private void fail(RuntimeException failure) {
      failed = true;
      ReceiveException why = MigrationService.explain(failure);
      why.toPeerError().close(call);
      IncomingStream known = stream;
      if (known != null && !known.isSuperseded()) {
        receiver.giveUpIfMine(token, why);
      }
    }

    @Override
    public void onHalfClose() {
      if (!failed) {
        call.close(Status.OK, new Metadata());
      }
    }
  }
}
