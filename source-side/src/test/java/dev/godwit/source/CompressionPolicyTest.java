package dev.godwit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.source.MigrationOptions.Compression;
import org.junit.jupiter.api.Test;

class CompressionPolicyTest {
  private static final long BATCH_BYTES = 65536;

  /** Sends for a second and returns which share of the batches was compressed. */
  private static double share(double linkBytesPerSecond, double lz4BytesPerSecond, double ratio) {
    CompressionPolicy policy = new CompressionPolicy(Compression.AUTO);
    double now = 0;
    int compressed = 0;
    int batches = 0;
    while (now < 1e9) {
      batches++;
      double wire = BATCH_BYTES;
      double compressNanos = 0;
      if (policy.compressNext((long) now)) {
        compressed++;
        compressNanos = BATCH_BYTES / lz4BytesPerSecond * 1e9;
        wire *= ratio;
        policy.compressed(BATCH_BYTES, (long) wire, (long) compressNanos);
      }
      policy.built((long) wire);
      // The compressor and the link work at the same time: the slower one counts.
      now += Math.max(compressNanos, wire / linkBytesPerSecond * 1e9);
    }
    return (double) compressed / batches;
  }

  @Test
  void compressesOnASlowLink() {
    assertTrue(share(100e6, 400e6, 0.5) > 0.8);
  }

  @Test
  void doesNotCompressWhatDoesNotGetSmaller() {
    assertTrue(share(100e6, 4e9, 1.0) < 0.05);
  }

  @Test
  void doesNotCompressOnALinkFasterThanTheCompressor() {
    assertEquals(0, share(2.5e9, 400e6, 0.5));
    assertTrue(share(900e6, 400e6, 0.5) < 0.05);
  }

  @Test
  void obeysTheUser() {
    CompressionPolicy on = new CompressionPolicy(Compression.ON);
    CompressionPolicy off = new CompressionPolicy(Compression.OFF);
    for (long now = 0; now < 1_000_000_000; now += 10_000_000) {
      assertTrue(on.compressNext(now));
      assertFalse(off.compressNext(now));
    }
  }
}
