package dev.godwit.e2e.relay;

import dev.godwit.e2e.relay.Boundary.Side;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads one direction of an HTTP/2 connection (RFC 9113) and takes it apart, so that no DATA frame
 * has parts of two messages. Headers are written anew, without compression, so that frames of
 * different calls can overtake each other.
 */
final class FrameStream {
  /** The calls of a connection, by stream: what the source's headers say. Both directions'. */
  static final class Calls {
    private final Map<Integer, String> byStream = new HashMap<>();

    synchronized void put(int stream, String call) {
      byStream.put(stream, call);
    }

    synchronized String get(int stream) {
      return byStream.getOrDefault(stream, "?");
    }
  }

  private static final int PREFACE_BYTES = 24;
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int END_STREAM = 1;
  private static final int END_HEADERS = 4;
  private static final int PADDED = 8;
  private static final int PRIORITY = 0x20;

  private final Side sender;
  private final DataInputStream in;
  private final Calls calls;
  private final boolean stopsAfterRound0;
  private final DefaultHttp2HeadersDecoder decoder = new DefaultHttp2HeadersDecoder(false);
  private final Map<Integer, MessageSplitter> splitters = new HashMap<>();
  private boolean prefaced;

  FrameStream(Side sender, InputStream in, Calls calls, boolean stopsAfterRound0) {
    this.sender = sender;
    this.in = new DataInputStream(in);
    this.calls = calls;
    this.stopsAfterRound0 = stopsAfterRound0;
  }

  /** Returns the next frames; {@link Frame#END} when the sender has closed. */
  List<Frame> next() throws IOException {
    try {
      if (sender == Side.SOURCE && !prefaced) {
        prefaced = true;
        return List.of(new Frame(in.readNBytes(PREFACE_BYTES), 0, null, null));
      }
      byte[] header = new byte[Frame.HEADER_BYTES];
      in.readFully(header);
      int length = (header[0] & 0xFF) << 16 | (header[1] & 0xFF) << 8 | header[2] & 0xFF;
      byte[] payload = new byte[length];
      in.readFully(payload);
      int type = header[3];
      int flags = header[4];
      int stream =
          (header[5] & 0x7F) << 24
              | (header[6] & 0xFF) << 16
              | (header[7] & 0xFF) << 8
              | header[8] & 0xFF;
      return switch (type) {
        case DATA -> data(flags, stream, payload);
        case HEADERS -> List.of(headers(flags, stream, payload));
        default -> List.of(new Frame(frame(type, flags, stream, payload), stream, null, null));
      };
    } catch (EOFException e) {
      return List.of(Frame.END);
    }
  }

  private List<Frame> data(int flags, int stream, byte[] payload) throws IOException {
    if ((flags & PADDED) != 0) {
      throw new IOException("padding, which neither side uses");
    }
    boolean last = (flags & END_STREAM) != 0;
    List<MessageSplitter.Part> parts =
        splitters
            .computeIfAbsent(
                stream, s -> new MessageSplitter(sender, calls.get(s), stopsAfterRound0))
            .take(payload, last);
    List<Frame> frames = new ArrayList<>();
    for (int i = 0; i < parts.size(); i++) {
      MessageSplitter.Part part = parts.get(i);
      frames.add(
          new Frame(
              frame(DATA, last && i == parts.size() - 1 ? END_STREAM : 0, stream, part.bytes()),
              stream,
              part.begins(),
              part.ends()));
    }
    if (parts.isEmpty() && last) {
      frames.add(new Frame(frame(DATA, flags, stream, payload), stream, null, null));
    }
    return frames;
  }

  private Frame headers(int flags, int stream, byte[] payload) throws IOException {
    if ((flags & END_HEADERS) == 0 || (flags & PADDED) != 0) {
      throw new IOException("headers in several frames or padded, which neither side sends");
    }
    int skip = (flags & PRIORITY) != 0 ? 5 : 0;
    ByteBuf block = Unpooled.wrappedBuffer(payload, skip, payload.length - skip);
    Http2Headers headers;
    try {
      headers = decoder.decodeHeaders(stream, block);
    } catch (Http2Exception e) {
      throw new IOException(e);
    }
    if (sender == Side.SOURCE) {
      String path = String.valueOf(headers.path());
      calls.put(stream, path.substring(path.lastIndexOf('/') + 1));
    }
    Boundary status =
        sender == Side.DESTINATION && (flags & END_STREAM) != 0
            ? Boundary.status(calls.get(stream))
            : null;
    return new Frame(
        frame(HEADERS, flags & ~PRIORITY, stream, literally(headers)), stream, status, status);
  }

  /** As literals without indexing and without Huffman coding (RFC 7541, 6.2.2). */
  private static byte[] literally(Http2Headers headers) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (Map.Entry<CharSequence, CharSequence> header : headers) {
      out.write(0);
      string(out, header.getKey());
      string(out, header.getValue());
    }
    return out.toByteArray();
  }

  /** Its length is an integer with a prefix of seven bits (RFC 7541, 5.1 and 5.2). */
  private static void string(ByteArrayOutputStream out, CharSequence text) {
    byte[] bytes = text.toString().getBytes(StandardCharsets.ISO_8859_1);
    if (bytes.length < 127) {
      out.write(bytes.length);
    } else {
      out.write(127);
      int rest = bytes.length - 127;
      while (rest >= 128) {
        out.write(rest & 0x7F | 0x80);
        rest >>>= 7;
      }
      out.write(rest);
    }
    out.writeBytes(bytes);
  }

  private static byte[] frame(int type, int flags, int stream, byte[] payload) {
    byte[] frame = new byte[Frame.HEADER_BYTES + payload.length];
    frame[0] = (byte) (payload.length >> 16);
    frame[1] = (byte) (payload.length >> 8);
    frame[2] = (byte) payload.length;
    frame[3] = (byte) type;
    frame[4] = (byte) flags;
    for (int i = 0; i < 4; i++) {
      frame[5 + i] = (byte) (stream >> 24 - 8 * i);
    }
    System.arraycopy(payload, 0, frame, Frame.HEADER_BYTES, payload.length);
    return frame;
  }
}
