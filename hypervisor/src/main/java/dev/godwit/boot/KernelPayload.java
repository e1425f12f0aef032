package dev.godwit.boot;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import org.tukaani.xz.SingleXZInputStream;

/**
 * Unpacks the kernel inside a bzImage on the host, many times faster than the guest would.
 *
 * <p>The kernel's build appends the unpacked size, 32 bits little-endian, to every format but gzip,
 * which ends with it anyway (Linux scripts/Makefile.lib, size_append).
 */
final class KernelPayload {
  private static final int SIZE_BYTES = 4;

  /** More than any kernel has: bounds what a damaged size makes us allocate. */
  private static final int MAX_UNPACKED_BYTES = 512 << 20;

  private static final int XZ_MEMORY_KIB = 256 << 10;

  /**
   * A legacy LZ4 frame's blocks unpack to this much, the last to less (LZ4 Frame Format, "Legacy
   * frame").
   */
  private static final int LZ4_BLOCK_BYTES = 8 << 20;

  private static final int LZ4_LEGACY_MAGIC = 0x184C_2102;

  private KernelPayload() {}

  /**
   * Returns the unpacked vmlinux, or nothing if the format is one that only the kernel's own code
   * unpacks.
   */
  static Optional<ImageFile> unpack(BzImage image) {
    String name = "the kernel inside " + image.file().name();
    byte[] packed = image.payload().toArray(ValueLayout.JAVA_BYTE);
    if (packed.length < 2 * SIZE_BYTES) {
      return Optional.empty();
    }
    ImageFile in = new ImageFile(name, MemorySegment.ofArray(packed));
    long size = in.u32(packed.length - SIZE_BYTES);
    try {
      byte[] unpacked;
      if (in.u32(0) == LZ4_LEGACY_MAGIC) {
        unpacked = lz4(in, packed, allocate(name, size));
      } else if (in.u16(0) == 0x8B1F) {
        unpacked = stream(new GZIPInputStream(packed(packed)), name, allocate(name, size));
      } else if (in.u32(0) == 0x587A_37FDL) {
        unpacked =
            stream(
                new SingleXZInputStream(packed(packed), XZ_MEMORY_KIB), name, allocate(name, size));
      } else {
        return Optional.empty();
      }
      return Optional.of(new ImageFile(name, MemorySegment.ofArray(unpacked)));
    } catch (IOException | LZ4Exception e) {
      throw new BootException(
          BootException.Code.CORRUPT_KERNEL, name + " does not unpack: " + e.getMessage(), e);
    }
  }

  private static byte[] allocate(String name, long size) {
    if (size == 0 || size > MAX_UNPACKED_BYTES) {
      throw corrupt(name, "says that it unpacks to " + size + " bytes");
    }
    return new byte[(int) size];
  }

  private static InputStream packed(byte[] packed) {
    return new ByteArrayInputStream(packed);
  }

  private static byte[] stream(InputStream in, String name, byte[] out) throws IOException {
    int read = in.readNBytes(out, 0, out.length);
    if (read < out.length || in.read() >= 0) {
      throw corrupt(name, "does not unpack to the " + out.length + " bytes that it says");
    }
    return out;
  }

  private static byte[] lz4(ImageFile in, byte[] packed, byte[] out) {
    LZ4SafeDecompressor decompressor = LZ4Factory.fastestInstance().safeDecompressor();
    int end = packed.length - SIZE_BYTES;
    int at = SIZE_BYTES;
    int filled = 0;
    while (at < end) {
      long blockBytes = in.u32(at);
      at += SIZE_BYTES;
      if (blockBytes == 0 || blockBytes > end - at) {
        throw corrupt(in.name(), "has an LZ4 block of " + blockBytes + " bytes, beyond its end");
      }
      int room = Math.min(out.length - filled, LZ4_BLOCK_BYTES);
      filled += decompressor.decompress(packed, at, (int) blockBytes, out, filled, room);
      at += (int) blockBytes;
    }
    if (filled < out.length) {
      throw corrupt(
          in.name(), "unpacks to %d bytes, not the %d it says".formatted(filled, out.length));
    }
    return out;
  }

  private static BootException corrupt(String name, String what) {
    return new BootException(BootException.Code.CORRUPT_KERNEL, name + " " + what);
  }
}
