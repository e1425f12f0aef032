package dev.godwit.boot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A bzImage's setup header (Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"),
 * of protocol 2.12 or later and with the 64-bit entry point.
 */
final class BzImage {
  /** Where the header starts, in the file and in the boot parameters alike. */
  static final int HEADER_OFFSET = 0x1F1;

  private static final int MAGIC_OFFSET = 0x202;
  private static final long MAGIC = 0x5372_6448; // "HdrS"
  private static final int VERSION_2_12 = 0x020C;
  private static final int SECTOR_BYTES = 512;
  private static final int XLF_KERNEL_64 = 1;

  /** Past this, the header would run into what follows it in the boot parameters. */
  private static final int HEADER_END_LIMIT = 0x290;

  private final ImageFile file;

  private BzImage(ImageFile file) {
    this.file = file;
  }

  /** Says whether a file looks like a bzImage. */
  static boolean looksLikeOne(ImageFile file) {
    return file.size() > MAGIC_OFFSET + 4 && file.u32(MAGIC_OFFSET) == MAGIC;
  }

  /** Reads and checks the header of a file that looks like one. */
  static BzImage parse(ImageFile file) {
    BzImage image = new BzImage(file);
    int version = file.u16(0x206);
    if (version < VERSION_2_12) {
      throw new BootException(
          BootException.Code.UNSUPPORTED_KERNEL,
          "%s speaks boot protocol %d.%02d; 2.12 (Linux 3.8) or later is needed"
              .formatted(file.name(), version >> 8, version & 0xFF));
    }
    if ((file.u16(0x236) & XLF_KERNEL_64) == 0) {
      throw new BootException(
          BootException.Code.UNSUPPORTED_KERNEL,
          file.name() + " is a 32-bit kernel; a 64-bit one is needed");
    }
    // Whatever the kernel says about its code must lie in the file.
    image.protectedModeCode();
    image.payload();
    image.header();
    return image;
  }

  ImageFile file() {
    return file;
  }

  /** Returns the header, for the boot parameters. */
  byte[] header() {
    int end = MAGIC_OFFSET + file.u8(0x201);
    return file.slice(HEADER_OFFSET, Math.min(end, HEADER_END_LIMIT) - HEADER_OFFSET)
        .toArray(ValueLayout.JAVA_BYTE);
  }

  /** Returns the part that runs in protected or long mode; 64-bit entry is at 0x200 in it. */
  MemorySegment protectedModeCode() {
    int sectors = file.u8(0x1F1);
    long start = ((sectors == 0 ? 4 : sectors) + 1L) * SECTOR_BYTES;
    return file.slice(start, file.size() - start);
  }

  /**
   * Returns the compressed kernel inside {@link #protectedModeCode}; empty if the header tells of
   * none.
   */
  MemorySegment payload() {
    long start = file.size() - protectedModeCode().byteSize() + file.u32(0x248);
    return file.slice(start, file.u32(0x24C));
  }

  /** Returns the highest gpa that the initrd's last byte may have. */
  long initrdAddressMax() {
    return file.u32(0x22C);
  }

  /** Returns the longest command line, without the NUL. */
  long commandLineBytes() {
    return file.u32(0x238);
  }

  /** Returns the gpa at which the kernel would like to run; a multiple of its alignment. */
  long preferredGpa() {
    return file.u64(0x258);
  }

  /** Returns how much RAM from its start on the kernel needs before it knows the memory map. */
  long initBytes() {
    return file.u32(0x260);
  }
}
