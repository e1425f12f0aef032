package dev.godwit.source;

import dev.godwit.wire.PageBatch;
import java.util.Arrays;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;

/** LZ4 for blocks of a batch's pages. Not thread-safe. */
final class BlockCompressor {
  private static final byte[] NOTHING = {};

  private byte[] packed = NOTHING;

  /**
   * Compresses the first bytes of a block; returns nothing if the result would have more than
   * {@code limit} bytes.
   */
  byte[] compress(byte[] block, int bytes, int limit) {
    if (packed.length == 0) {
      packed =
          new byte
              [Compressor.LZ4.maxCompressedLength(PageBatch.BLOCK_PAGES * PageBatch.PAGE_BYTES)];
    }
    int length = Compressor.LZ4.compress(block, 0, bytes, packed, 0, packed.length);
    return length <= limit ? Arrays.copyOf(packed, length) : NOTHING;
  }

  /** Made when something is compressed first: its native library is unpacked then. */
  private static final class Compressor {
    static final LZ4Compressor LZ4 = LZ4Factory.fastestInstance().fastCompressor();
  }
}
