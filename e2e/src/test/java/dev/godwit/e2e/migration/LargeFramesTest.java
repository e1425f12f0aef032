package dev.godwit.e2e.migration;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.dest.Receiver;
import dev.godwit.wire.PageBatch;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a destination says about frames of HTTP/2 (RFC 9113), seen by a client made by hand. */
class LargeFramesTest {
  private static final int SETTINGS = 4;
  private static final int PING = 6;
  private static final int NOBODY_KNOWS = 0xBB;
  private static final int ACK = 1;
  private static final int MAX_FRAME_SIZE = 5;

  private record Frame(int type, int flags, byte[] payload) {}

  private final Lab lab = new Lab();

  @AfterEach
  void close() throws Exception {
    lab.close();
  }

  private static Frame read(DataInputStream in) throws IOException {
    int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
    int type = in.readUnsignedByte();
    int flags = in.readUnsignedByte();
    in.readInt(); // of which stream
    return new Frame(type, flags, in.readNBytes(length));
  }

  private static void write(DataOutputStream out, Frame frame) throws IOException {
    out.writeByte(frame.payload().length >> 16);
    out.writeShort(frame.payload().length);
    out.writeByte(frame.type());
    out.writeByte(frame.flags());
    out.writeInt(0);
    out.write(frame.payload());
    out.flush();
  }

  @Test
  void aDestinationTakesFramesOfTwoBatchesOnceThatIsAcknowledged() throws Exception {
    Receiver receiver = lab.receiver();
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), receiver.port())) {
      socket.setSoTimeout(10_000);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      DataOutputStream out = new DataOutputStream(socket.getOutputStream());
      out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      write(out, new Frame(SETTINGS, 0, new byte[0]));

      int largest = 0;
      Deque<Frame> unanswered = new ArrayDeque<>();
      while (largest == 0) {
        Frame frame = read(in);
        if (frame.type() == SETTINGS && frame.flags() != ACK) {
          unanswered.add(frame);
          for (int at = 0; at < frame.payload().length; at += 6) {
            byte[] value = Arrays.copyOfRange(frame.payload(), at, at + 6);
            if (value[1] == MAX_FRAME_SIZE) {
              largest = ByteBuffer.wrap(value).getInt(2);
            }
          }
        }
      }
      assertEquals(2 * (PageBatch.MAX_CONTENT_BYTES + PageBatch.MAX_HEAD_BYTES), largest);
      for (Frame ignored : unanswered) {
        write(out, new Frame(SETTINGS, ACK, new byte[0]));
      }
      // A frame of a kind that is unknown is to be skipped; one that is too large ends the
      // connection.
      write(out, new Frame(NOBODY_KNOWS, 0, new byte[largest]));
      byte[] echo = {1, 2, 3, 4, 5, 6, 7, 8};
      write(out, new Frame(PING, 0, echo));
      Frame frame = read(in);
      while (frame.type() == SETTINGS) {
        frame = read(in);
      }
      assertEquals(PING, frame.type());
      assertArrayEquals(echo, frame.payload());
    }
  }
}
