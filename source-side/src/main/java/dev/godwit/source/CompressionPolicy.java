package dev.godwit.source;

import dev.godwit.source.MigrationOptions.Compression;

/**
 * Whether LZ4 gains time now. It does when a page's compression costs less time than the bytes it
 * saves would take on the link: on links below some 3 Gbit/s, for most guests. Pure: time is given.
 * Thread-safe.
 *
 * <p>The link's speed is known only from windows without compression, since with it the compressor
 * may be what is slow; so one window in {@value #PROBE_EVERY} goes without. On a link that is slow
 * enough to be worth it, one batch in {@value #SAMPLE_EVERY} is compressed in any case, to know
 * what that costs and gains.
 */
final class CompressionPolicy {
  private static final long WINDOW_NANOS = 20_000_000;
  private static final int PROBE_EVERY = 16;
  private static final int SAMPLE_EVERY = 64;

  /** Nobody's compressor keeps up with a link that takes less: 1 GB/s. */
  private static final double WORTH_A_SAMPLE_NANOS_PER_BYTE = 1;

  private final Compression setting;
  private boolean compressing;
  private int window;
  private int batch;
  private long windowStartNanos = Long.MIN_VALUE;
  private long windowBytes;
  private double linkNanosPerByte;
  private double compressNanosPerByte;
  private double ratio = 1;

  CompressionPolicy(Compression setting) {
    this.setting = setting;
  }

  /** Says whether the next batch is to be compressed. */
  synchronized boolean compressNext(long nowNanos) {
    return switch (setting) {
      case OFF -> false;
      case ON -> true;
      case AUTO -> {
        if (windowStartNanos == Long.MIN_VALUE) {
          windowStartNanos = nowNanos;
        } else if (nowNanos - windowStartNanos >= WINDOW_NANOS) {
          closeWindow(nowNanos);
        }
        yield compressing
            || (linkNanosPerByte > WORTH_A_SAMPLE_NANOS_PER_BYTE && ++batch % SAMPLE_EVERY == 1);
      }
    };
  }

  private void closeWindow(long nowNanos) {
    if (!compressing && windowBytes > 0) {
      linkNanosPerByte = (double) (nowNanos - windowStartNanos) / windowBytes;
    }
    windowStartNanos = nowNanos;
    windowBytes = 0;
    window++;
    compressing =
        window % PROBE_EVERY != 0
            && ratio < 0.9
            && compressNanosPerByte < linkNanosPerByte * (1 - ratio);
  }

  /** Says that a batch was built, with so many bytes to send. */
  synchronized void built(long wireBytes) {
    windowBytes += wireBytes;
  }

  /** Says what compressing some pages cost and left of them. */
  synchronized void compressed(long rawBytes, long lz4Bytes, long nanos) {
    double weight = 0.2;
    compressNanosPerByte += weight * ((double) nanos / rawBytes - compressNanosPerByte);
    ratio += weight * ((double) lz4Bytes / rawBytes - ratio);
  }
}
