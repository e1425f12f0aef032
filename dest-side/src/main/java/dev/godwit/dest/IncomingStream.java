package dev.godwit.dest;

import dev.godwit.proto.v1.RoundReceived;
import dev.godwit.wire.PageBatchReader;
import dev.godwit.wire.PageBatchReader.Landed;
import dev.godwit.wire.PeerError;
import dev.godwit.wire.StreamOpening;
import java.io.InputStream;

/**
 * One connection that carries a stream of pages to an arriving machine, as long as no later one
 * does. One network thread.
 */
final class IncomingStream {
  private final Incoming machine;
  private final LandingMemory.Stream stream;
  private final StreamOpening opening;
  private final PageBatchReader reader;

  IncomingStream(Incoming machine, LandingMemory.Stream stream, StreamOpening opening) {
    this.machine = machine;
    this.stream = stream;
    this.opening = opening;
    this.reader = new PageBatchReader(stream);
  }

  /** Says whether the source wants to know what has landed, before it sends anything. */
  boolean wantsPosition() {
    return opening.attempt() > 0;
  }

  /** Returns what has landed of the round that the stream is in. */
  RoundReceived position() {
    return stream.position();
  }

  /** Says whether a later connection carries the stream: what this one says does not count. */
  boolean isSuperseded() {
    return stream.attempt() != opening.attempt();
  }

  /** Lands one message. */
  Landed land(InputStream message) {
    return machine.whileReceiving(
        () -> {
          if (isSuperseded()) {
            throw new ReceiveException(
                PeerError.Code.PROTOCOL, "a later connection carries this stream");
          }
          return reader.land(message);
        });
  }
}
