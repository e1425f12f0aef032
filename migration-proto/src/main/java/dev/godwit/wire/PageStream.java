package dev.godwit.wire;

import dev.godwit.proto.v1.MigrationGrpc;
import dev.godwit.proto.v1.RoundReceived;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.Marshaller;
import java.io.InputStream;

/**
 * The call that carries pages, with marshallers of its own: what is sent is written from guest RAM
 * by {@link PageBatch}, and what is received stays in the network's buffers until {@link
 * PageBatchReader} lands it. Both agree to the byte with the generated message.
 */
public final class PageStream {
  /** How a source calls it. */
  public static final MethodDescriptor<PageBatch, RoundReceived> SENDING =
      MigrationGrpc.getPagesMethod().toBuilder(
              new Sending(),
              CheckedCalls.sealed(MigrationGrpc.getPagesMethod().getResponseMarshaller()))
          .build();

  /** How a destination serves it; a message is to be read before the listener's method returns. */
  public static final MethodDescriptor<InputStream, RoundReceived> RECEIVING =
      MigrationGrpc.getPagesMethod().toBuilder(
              new Receiving(),
              CheckedCalls.sealed(MigrationGrpc.getPagesMethod().getResponseMarshaller()))
          .build();

  private PageStream() {}

  private static final class Sending implements Marshaller<PageBatch> {
    @Override
    public InputStream stream(PageBatch batch) {
      return new PageBatchStream(batch);
    }

    @Override
    public PageBatch parse(InputStream stream) {
      throw new UnsupportedOperationException("a source receives no pages");
    }
  }

  private static final class Receiving implements Marshaller<InputStream> {
    @Override
    public InputStream stream(InputStream stream) {
      throw new UnsupportedOperationException("a destination sends no pages");
    }

    @Override
    public InputStream parse(InputStream stream) {
      return stream;
    }
  }
}
