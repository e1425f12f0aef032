package dev.godwit.source;

import dev.godwit.source.MigrationOptions.Compression;
import dev.godwit.wire.PageBatch;

/**
 * Whether LZ4, and differences to what was sent before, gain time now. They do when a page's
 * encoding costs less time than the bytes it saves would take on the link: LZ4 on links below some
 * 3 Gbit/s, for most guests; differences, which are mostly zeros, on faster ones too. Pure: time is
 * given. Thread-safe.
 *
 * <p>The link's speed is known only from windows without compression, since with it the compressor
 * may be what is slow; so one window in {@value #PROBE_EVERY} goes without, and what differences
 * cost is left out of it. On a link that is slow enough to be worth it, one batch in {@value
 * #SAMPLE_EVERY} is compressed in any case, and differences are tried in one round of {@value
 * #TRY_EVERY_ROUNDS}, to know what that costs and gains. Time between rounds is nobody's. The
 * link's speed also says how large a batch may be.
 */
final class CompressionPolicy {
  private static final long WINDOW_NANOS = 20_000_000;
  private static final int PROBE_EVERY = 16;
  private static final int SAMPLE_EVERY = 64;
  private static final int TRY_EVERY_ROUNDS = 8;

  /** A round's end closes a window early, if that has so much to say. */
  private static final long TELLING_BYTES = 1 << 20;

  /** Nobody's compressor keeps up with a link that takes less: 1 GB/s. */
  private static final double WORTH_A_SAMPLE_NANOS_PER_BYTE = 1;

  /** From this speed on, 100 MB/s, the largest batch keeps the link busy for 3 ms at most. */
  private static final double FAST_NANOS_PER_BYTE = 10;

  private final Compression setting;
  private final Gain lz4 = new Gain();
  private final Gain delta = new Gain();
  private boolean compressing;
  private boolean roundOpen;
  private int window;
  private int batch;
  private long windowStartNanos;
  private long windowBytes;
  private long windowDeltaNanos;
  private double linkNanosPerByte;

  CompressionPolicy(Compression setting) {
    this.setting = setting;
  }

  /** What an encoding costs and leaves; recent pages count most. */
  private static final class Gain {
    private static final double WEIGHT = 0.2;

    private boolean known;
    private double nanosPerByte;
    private double ratio = 1;

    void measured(long rawBytes, long packedBytes, long nanos) {
      known = true;
      nanosPerByte += WEIGHT * ((double) nanos / rawBytes - nanosPerByte);
      ratio += WEIGHT * ((double) packedBytes / rawBytes - ratio);
    }

    boolean pays(double linkNanosPerByte) {
      return ratio < 0.9 && nanosPerByte < linkNanosPerByte * (1 - ratio);
    }
  }

  /** Says that a round's first batch is about to be made. */
  synchronized void roundStarts(long nowNanos) {
    roundOpen = true;
    openWindow(nowNanos);
  }

  /** Says that all of a round has been delivered. */
  synchronized void roundEnds(long nowNanos) {
    if (roundOpen && windowBytes >= TELLING_BYTES) {
      closeWindow(nowNanos);
    }
    roundOpen = false;
  }

  /**
   * Says whether a round's pages are sent as differences where they can be; once a round.
   *
   * @param last whether it is the last round, where the guest stands: no time to try things
   */
  synchronized boolean deltaInRound(int round, boolean last) {
    if (setting == Compression.ON || linkNanosPerByte == 0) {
      return true;
    }
    return linkNanosPerByte > WORTH_A_SAMPLE_NANOS_PER_BYTE
        && (!delta.known
            || delta.pays(linkNanosPerByte)
            || (!last && round % TRY_EVERY_ROUNDS == 0));
  }

  /** Says whether the last round's batches are to be compressed: nothing is tried there. */
  synchronized boolean compressLast() {
    return switch (setting) {
      case OFF -> false;
      case ON -> true;
      case AUTO -> lz4.pays(linkNanosPerByte);
    };
  }

  /** Says whether the next batch is to be compressed. */
  synchronized boolean compressNext(long nowNanos) {
    if (!roundOpen) {
      roundStarts(nowNanos);
    } else if (nowNanos - windowStartNanos >= WINDOW_NANOS) {
      closeWindow(nowNanos);
    }
    return switch (setting) {
      case OFF -> false;
      case ON -> true;
      case AUTO ->
          compressing
              || (linkNanosPerByte > WORTH_A_SAMPLE_NANOS_PER_BYTE && ++batch % SAMPLE_EVERY == 1);
    };
  }

  /**
   * Returns how many pages of content a batch is to have: large ones cost less each, but on a slow
   * link nothing would land for long.
   *
   * @param most how many the sink takes
   */
  synchronized int batchPages(int most) {
    return linkNanosPerByte > 0 && linkNanosPerByte <= FAST_NANOS_PER_BYTE
        ? most
        : Math.min(most, PageBatch.BLOCK_PAGES);
  }

  private void openWindow(long nowNanos) {
    windowStartNanos = nowNanos;
    windowBytes = 0;
    windowDeltaNanos = 0;
  }

  private void closeWindow(long nowNanos) {
    if (!compressing && windowBytes > 0) {
      long onLink = Math.max(1, nowNanos - windowStartNanos - windowDeltaNanos);
      linkNanosPerByte = (double) onLink / windowBytes;
    }
    openWindow(nowNanos);
    window++;
    compressing = window % PROBE_EVERY != 0 && lz4.pays(linkNanosPerByte);
  }

  /** Says that a batch was built, with so many bytes to send. */
  synchronized void built(long wireBytes) {
    windowBytes += wireBytes;
  }

  /** Says what compressing some pages cost and left of them. */
  synchronized void compressed(long rawBytes, long lz4Bytes, long nanos) {
    lz4.measured(rawBytes, lz4Bytes, nanos);
  }

  /** Says what looking for some pages' differences cost, and what was to be sent of them then. */
  synchronized void differed(long rawBytes, long wireBytes, long nanos) {
    delta.measured(rawBytes, wireBytes, nanos);
    windowDeltaNanos += nanos;
  }
}
