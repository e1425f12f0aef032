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

  /** Sends for a tenth of a second and returns how many pages of content a batch may have then. */
  private static int batchPages(double linkBytesPerSecond) {
    CompressionPolicy policy = new CompressionPolicy(Compression.OFF);
    assertEquals(16, policy.batchPages(128), "nothing is known of the link yet");
    for (double now = 0; now < 1e8; now += BATCH_BYTES / linkBytesPerSecond * 1e9) {
      policy.compressNext((long) now);
      policy.built(BATCH_BYTES);
    }
    assertTrue(policy.batchPages(5) <= 5, "the sink takes no more");
    return policy.batchPages(128);
  }

  @Test
  void makesLargeBatchesOnAFastLinkOnly() {
    assertEquals(128, batchPages(1e9));
    assertEquals(128, batchPages(200e6));
    assertEquals(16, batchPages(50e6));
    assertEquals(16, batchPages(1e6));
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

  @Test
  void triesNothingInTheLastRound() {
    CompressionPolicy policy = new CompressionPolicy(Compression.AUTO);
    long now = 0;
    boolean probed = false;
    policy.roundStarts(now);
    for (int batch = 0; batch < 2000; batch++) {
      boolean compress = policy.compressNext(now);
      policy.compressed(BATCH_BYTES, BATCH_BYTES / 2, 160_000);
      policy.built(compress ? BATCH_BYTES / 2 : BATCH_BYTES);
      now += compress ? 330_000 : 660_000; // 100 MB/s
      probed |= batch > 200 && !compress;
      assertTrue(batch < 200 || policy.compressLast());
    }
    assertTrue(probed, "without probing the link's speed is not known");
    policy.differed(BATCH_BYTES, BATCH_BYTES, 160_000);
    assertTrue(policy.deltaInRound(8, false));
    assertFalse(policy.deltaInRound(8, true));
  }

  @Test
  void theTimeBetweenRoundsIsNotTheLinks() {
    CompressionPolicy policy = new CompressionPolicy(Compression.AUTO);
    long now = 0;
    int compressed = 0;
    for (int round = 0; round < 200; round++) {
      policy.roundStarts(now);
      for (int batch = 0; batch < 8; batch++) {
        compressed += policy.compressNext(now) ? 1 : 0;
        policy.compressed(BATCH_BYTES, BATCH_BYTES / 2, 160_000);
        policy.built(BATCH_BYTES);
        now += 26_000; // 2.5 GB/s
      }
      policy.roundEnds(now);
      now += 10_000_000; // half of a window: else that would look like 50 MB/s
    }
    assertEquals(0, compressed);
  }

  /** Returns in which share of 100 rounds of 4 MiB differences are looked for. */
  private static double deltaRounds(double linkNanosPerByte, double costPerByte, double ratio) {
    CompressionPolicy policy = new CompressionPolicy(Compression.AUTO);
    double now = 0;
    int rounds = 0;
    for (int round = 0; round <= 100; round++) {
      boolean delta = round > 0 && policy.deltaInRound(round, false);
      rounds += delta ? 1 : 0;
      policy.roundStarts((long) now);
      for (int batch = 0; batch < 64; batch++) {
        policy.compressNext((long) now);
        double wire = BATCH_BYTES * (delta ? ratio : 1);
        if (delta) {
          policy.differed(BATCH_BYTES, (long) wire, (long) (BATCH_BYTES * costPerByte));
          now += BATCH_BYTES * costPerByte;
        }
        policy.built((long) wire);
        now += wire * linkNanosPerByte;
      }
      policy.roundEnds((long) now);
      now += 10_000_000;
    }
    return rounds / 100.0;
  }

  @Test
  void looksForDifferencesWhileThatGainsTime() {
    assertEquals(1, deltaRounds(8, 0.5, 0.1), "1 Gbit/s, and little changes");
    assertTrue(deltaRounds(8, 0.3, 1) < 0.2, "everything changes: nothing is saved");
    assertTrue(deltaRounds(1.2, 1.3, 0.1) < 0.2, "it takes longer than sending all of it");
    assertEquals(0, deltaRounds(0.4, 0.5, 0.1), "2.5 GB/s: no encoder keeps up");
  }
}
