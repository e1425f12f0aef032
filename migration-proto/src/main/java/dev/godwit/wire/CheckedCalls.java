package dev.godwit.wire;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.Marshaller;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.ServerInterceptors;
import io.grpc.ServerServiceDefinition;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * Every message but batches of pages, which have checksums of their own, ends with a CRC32C of all
 * that comes before it, as field {@value #FIELD}: a message is still an ordinary one.
 *
 * <p>TCP's own checksum has 16 bits, and what it lets through would be believed: one bit makes
 * RUNNING of ABORTED, and a machine would run twice; another makes a running machine a paused one.
 * A message whose checksum is wrong or missing has not arrived: a request fails with {@code
 * CORRUPT}, and an answer is a lost one.
 */
public final class CheckedCalls {
  /** Its number, in every message: a {@code fixed32}. */
  public static final int FIELD = 15;

  private static final int FIXED32 = 5;
  private static final byte TAG = (byte) (FIELD << 3 | FIXED32);
  private static final int TRAILER_BYTES = 1 + Integer.BYTES;

  private CheckedCalls() {}

  /** Returns what a source's channel needs. */
  public static ClientInterceptor ofSource() {
    return new ClientInterceptor() {
      @Override
      public <A, B> ClientCall<A, B> interceptCall(
          MethodDescriptor<A, B> method, CallOptions options, Channel next) {
        return next.newCall(isOfPages(method) ? method : checked(method), options);
      }
    };
  }

  /**
   * Returns a destination's service, checking what comes and sealing what goes. Without the stream
   * of pages: its messages would be copied.
   */
  public static ServerServiceDefinition ofDestination(ServerServiceDefinition service) {
    return ServerInterceptors.intercept(
        ServerInterceptors.useInputStreamMessages(service), new Checking());
  }

  private static boolean isOfPages(MethodDescriptor<?, ?> method) {
    return method.getFullMethodName().equals(PageStream.SENDING.getFullMethodName());
  }

  private static <A, B> MethodDescriptor<A, B> checked(MethodDescriptor<A, B> method) {
    return method.toBuilder(
            sealed(method.getRequestMarshaller()), sealed(method.getResponseMarshaller()))
        .build();
  }

  /** Returns the same with checksums. */
  static <T> Marshaller<T> sealed(Marshaller<T> plain) {
    return new Checked<>(plain);
  }

  private static final class Checked<T> implements Marshaller<T> {
    private final Marshaller<T> plain;

    Checked(Marshaller<T> plain) {
      this.plain = plain;
    }

    @Override
    public InputStream stream(T message) {
      return new ByteArrayInputStream(seal(readAll(plain.stream(message))));
    }

    @Override
    public T parse(InputStream stream) {
      try {
        return plain.parse(new ByteArrayInputStream(open(readAll(stream))));
      } catch (WireException e) {
        throw said(e).toStatus();
      }
    }
  }

  /** On streams of bytes, so that a message which is refused is refused in words. */
  private static final class Checking implements ServerInterceptor {
    @Override
    public <A, B> ServerCall.Listener<A> interceptCall(
        ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
      return new Requests<>(call, next.startCall(new Replies<>(call), headers));
    }
  }

  private static final class Replies<A, B> extends SimpleForwardingServerCall<A, B> {
    Replies(ServerCall<A, B> call) {
      super(call);
    }

    @Override
    @SuppressWarnings("unchecked") // useInputStreamMessages makes all of them streams
    public void sendMessage(B message) {
      super.sendMessage((B) new ByteArrayInputStream(seal(readAll((InputStream) message))));
    }
  }

  private static final class Requests<A, B> extends SimpleForwardingServerCallListener<A> {
    private final ServerCall<A, B> call;
    private boolean refused;

    Requests(ServerCall<A, B> call, ServerCall.Listener<A> listener) {
      super(listener);
      this.call = call;
    }

    @Override
    @SuppressWarnings("unchecked") // useInputStreamMessages makes all of them streams
    public void onMessage(A message) {
      if (refused) {
        return;
      }
      byte[] opened;
      try {
        opened = open(readAll((InputStream) message));
      } catch (WireException e) {
        refused = true;
        said(e).close(call);
        return;
      }
      super.onMessage((A) new ByteArrayInputStream(opened));
    }

    @Override
    public void onHalfClose() {
      if (!refused) {
        super.onHalfClose();
      }
    }
  }

  private static PeerError said(WireException failure) {
    return new PeerError(failure.code(), String.valueOf(failure.getMessage()));
  }

  private static byte[] readAll(InputStream stream) {
    try (stream) {
      return stream.readAllBytes();
    } catch (IOException e) {
      throw new WireException(
          PeerError.Code.CORRUPT, "a message could not be read: " + e.getMessage());
    }
  }

  /** Returns a message with its checksum. */
  static byte[] seal(byte[] message) {
    byte[] sealed = Arrays.copyOf(message, message.length + TRAILER_BYTES);
    sealed[message.length] = TAG;
    int checksum = checksum(message, message.length);
    for (int i = 0; i < Integer.BYTES; i++) {
      sealed[message.length + 1 + i] = (byte) (checksum >>> 8 * i);
    }
    return sealed;
  }

  /**
   * Returns a message without its checksum.
   *
   * @throws WireException {@code CORRUPT} if that is wrong or missing
   */
  static byte[] open(byte[] sealed) {
    int length = sealed.length - TRAILER_BYTES;
    if (length < 0 || sealed[length] != TAG) {
      throw new WireException(
          PeerError.Code.CORRUPT, "a message came without its checksum: the link changes bytes");
    }
    int held = 0;
    for (int i = 0; i < Integer.BYTES; i++) {
      held |= (sealed[length + 1 + i] & 0xFF) << 8 * i;
    }
    if (held != checksum(sealed, length)) {
      throw new WireException(
          PeerError.Code.CORRUPT, "the checksum of a message is wrong: the link changes bytes");
    }
    return Arrays.copyOf(sealed, length);
  }

  private static int checksum(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return (int) crc.getValue();
  }
}
