package dev.godwit.dest;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.CompositeByteBuf;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.codec.ByteToMessageDecoder.Cumulator;

/**
 * Keeps what has come of a frame until the rest is there. Large pieces are strung together as they
 * are: to copy each behind those before it, which is Netty's own way, copied most pages once more
 * than needed. Small pieces are copied, so that a peer who sends a frame byte by byte makes this
 * side hold a few times the frame, not a buffer for each byte.
 *
 * <p>Without state; each connection's own thread.
 */
final class PieceCumulator implements Cumulator {
  /** From this length on a piece is not copied. */
  static final int LARGE_PIECE_BYTES = 32 << 10;

  /** A piece that leaves more of its buffer empty is copied: at least a fourth is to be in use. */
  private static final int LARGEST_BUFFER_TO_PIECE = 4;

  @Override
  public ByteBuf cumulate(ByteBufAllocator allocator, ByteBuf kept, ByteBuf next) {
    boolean large =
        next.readableBytes() >= LARGE_PIECE_BYTES
            && next.readableBytes() >= next.capacity() / LARGEST_BUFFER_TO_PIECE;
    if (large && kept.isReadable()) {
      return strung(allocator, kept).addComponent(true, next);
    }
    return ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(allocator, whole(allocator, kept), next);
  }

  private static CompositeByteBuf strung(ByteBufAllocator allocator, ByteBuf kept) {
    if (kept instanceof CompositeByteBuf pieces && pieces.refCnt() == 1) {
      return pieces.discardReadComponents();
    }
    return allocator.compositeBuffer(Integer.MAX_VALUE).addComponent(true, kept);
  }

  /**
   * Returns what is kept as one buffer with room behind it: to that, Netty's way adds a byte
   * without copying all of it again.
   */
  private static ByteBuf whole(ByteBufAllocator allocator, ByteBuf kept) {
    if (!(kept instanceof CompositeByteBuf) || !kept.isReadable()) {
      return kept;
    }
    ByteBuf whole = allocator.directBuffer(2 * kept.readableBytes()).writeBytes(kept);
    kept.release();
    return whole;
  }
}
