package dev.godwit.dest;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.CompositeByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.ByteToMessageDecoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PieceCumulatorTest {
  private static final int LARGE = PieceCumulator.LARGE_PIECE_BYTES;

  private final PooledByteBufAllocator allocator = new PooledByteBufAllocator(true);
  private final PieceCumulator cumulator = new PieceCumulator();

  /** Frames of a length in four bytes and as many bytes. */
  private static final class Frames extends ByteToMessageDecoder {
    Frames() {
      setCumulator(new PieceCumulator());
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
      if (in.readableBytes() >= Integer.BYTES
          && in.readableBytes() - Integer.BYTES >= in.getInt(in.readerIndex())) {
        out.add(in.readRetainedSlice(in.readInt()));
      }
    }
  }

  private ByteBuf piece(byte[] bytes, int capacity) {
    return allocator.directBuffer(capacity).writeBytes(bytes);
  }

  private static byte[] bytes(ByteBuf buffer) {
    byte[] bytes = new byte[buffer.readableBytes()];
    buffer.getBytes(buffer.readerIndex(), bytes);
    return bytes;
  }

  @Test
  void keepsEveryByteInOrderHoweverFramesAreCutAndForHoweverLongTheyAreHeld() {
    Random random = new Random(11);
    EmbeddedChannel channel = new EmbeddedChannel(new Frames());
    ByteBuf stream = allocator.directBuffer();
    List<byte[]> sent = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      byte[] frame =
          new byte[random.nextInt(3) == 0 ? random.nextInt(64) : random.nextInt(400_000)];
      random.nextBytes(frame);
      sent.add(frame);
      stream.writeInt(frame.length).writeBytes(frame);
    }
    List<ByteBuf> held = new ArrayList<>();
    int received = 0;
    while (stream.isReadable()) {
      int most = random.nextInt(3) == 0 ? 50 : 10 * LARGE;
      byte[] read = new byte[Math.min(1 + random.nextInt(most), stream.readableBytes())];
      stream.readBytes(read);
      channel.writeInbound(piece(read, random.nextInt(4) == 0 ? 20 * LARGE : read.length));
      for (ByteBuf frame = channel.readInbound(); frame != null; frame = channel.readInbound()) {
        assertArrayEquals(sent.get(received), bytes(frame));
        held.add(frame);
        received++;
      }
      if (random.nextInt(8) == 0) {
        held.forEach(ByteBuf::release);
        held.clear();
      }
    }
    assertEquals(sent.size(), received);
    held.forEach(ByteBuf::release);
    channel.finishAndReleaseAll();
    stream.release();
    assertEquals(0, allocator.pinnedDirectMemory(), "bytes that nobody has given back");
  }

  @Test
  void largePiecesAreNotCopied() {
    byte[] large = new byte[LARGE];
    ByteBuf first = piece(large, LARGE);
    ByteBuf second = piece(large, 2 * LARGE);
    ByteBuf third = piece(large, LARGE);
    ByteBuf kept = cumulator.cumulate(allocator, first, second);
    kept = cumulator.cumulate(allocator, kept, third);
    CompositeByteBuf strung = assertInstanceOf(CompositeByteBuf.class, kept);
    assertEquals(3, strung.numComponents());
    assertEquals(3 * LARGE, strung.readableBytes());
    strung.readerIndex(2 * LARGE);
    ByteBuf fourth = piece(large, LARGE);
    assertEquals(kept, cumulator.cumulate(allocator, kept, fourth));
    assertEquals(2, strung.numComponents(), "what has been read is given back");
    assertEquals(0, first.refCnt());
    strung.release();
    assertEquals(0, fourth.refCnt());
  }

  @Test
  void aFrameThatComesByteByByteTakesNoMoreThanAFewTimesItsLength() {
    int frame = 20 * LARGE;
    ByteBuf kept = piece(new byte[LARGE], LARGE);
    while (kept.readableBytes() < frame) {
      byte[] next = new byte[kept.readableBytes() % 3 == 0 ? LARGE : 1];
      Arrays.fill(next, (byte) 1);
      kept = cumulator.cumulate(allocator, kept, piece(next, 2 * LARGE));
      assertTrue(
          allocator.pinnedDirectMemory() <= 5L * frame,
          allocator.pinnedDirectMemory() + " bytes for " + kept.readableBytes());
    }
    kept.release();
  }
}
