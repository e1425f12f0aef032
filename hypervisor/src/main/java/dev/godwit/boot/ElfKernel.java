package dev.godwit.boot;

import dev.godwit.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;

/**
 * A vmlinux: a static ELF file for x86-64 whose segments carry their physical addresses (System V
 * ABI, "Program Header").
 *
 * @param entryGpa where its 64-bit code starts
 * @param segments what it loads, as in the file
 */
record ElfKernel(ImageFile file, long entryGpa, List<Segment> segments) {
  private static final long MAGIC = 0x464C_457F;
  private static final int CLASS_64_LITTLE_ENDIAN_V1 = 0x01_01_02;
  private static final int TYPE_EXECUTABLE = 2;
  private static final int MACHINE_X86_64 = 62;
  private static final int PROGRAM_HEADER_BYTES = 56;
  private static final long PT_LOAD = 1;

  /**
   * A loadable segment.
   *
   * @param offset in the file
   * @param gpa where it goes
   * @param fileBytes how much comes from the file
   * @param memoryBytes how much it takes; the rest is zero
   */
  record Segment(long offset, long gpa, long fileBytes, long memoryBytes) {
    long endGpa() {
      return gpa + memoryBytes;
    }
  }

  static boolean looksLikeOne(ImageFile file) {
    return file.size() >= 4 && file.u32(0) == MAGIC;
  }

  /**
   * Reads and checks the headers of a file that looks like one; its segments may lie anywhere yet.
   */
  static ElfKernel parse(ImageFile file) {
    int identity = file.u8(4) | file.u8(5) << 8 | file.u8(6) << 16;
    if (identity != CLASS_64_LITTLE_ENDIAN_V1
        || file.u16(16) != TYPE_EXECUTABLE
        || file.u16(18) != MACHINE_X86_64) {
      throw new BootException(
          BootException.Code.UNSUPPORTED_KERNEL,
          file.name() + " is an ELF file, but not a static one for x86-64 as vmlinux is");
    }
    long table = file.u64(32);
    int entrySize = file.u16(54);
    int entries = file.u16(56);
    if (entrySize != PROGRAM_HEADER_BYTES || entries == 0) {
      throw corrupt(file, "has no program headers of the usual size");
    }
    file.slice(table, (long) entries * entrySize);
    List<Segment> segments = new ArrayList<>();
    for (int i = 0; i < entries; i++) {
      long at = table + (long) i * PROGRAM_HEADER_BYTES;
      if (file.u32(at) == PT_LOAD && file.u64(at + 40) != 0) {
        segments.add(segment(file, at));
      }
    }
    long entry = file.u64(24);
    for (Segment segment : segments) {
      if (entry >= segment.gpa && entry - segment.gpa < segment.fileBytes) {
        return new ElfKernel(file, entry, List.copyOf(segments));
      }
    }
    throw corrupt(file, "starts at 0x%x, where it has no code".formatted(entry));
  }

  private static Segment segment(ImageFile file, long at) {
    Segment segment =
        new Segment(file.u64(at + 8), file.u64(at + 24), file.u64(at + 32), file.u64(at + 40));
    file.slice(segment.offset, segment.fileBytes);
    if (segment.memoryBytes < segment.fileBytes || segment.gpa < 0 || segment.endGpa() < 0) {
      throw corrupt(
          file,
          "has a segment of %d bytes that takes %s bytes at 0x%x"
              .formatted(
                  segment.fileBytes, Long.toUnsignedString(segment.memoryBytes), segment.gpa));
    }
    return segment;
  }

  long startGpa() {
    return segments.stream().mapToLong(Segment::gpa).min().orElseThrow();
  }

  long endGpa() {
    return segments.stream().mapToLong(Segment::endGpa).max().orElseThrow();
  }

  /** Copies the segments into RAM that was checked to be there. */
  void copyTo(GuestMemory memory) {
    for (Segment segment : segments) {
      memory.copyIn(segment.gpa, file.slice(segment.offset, segment.fileBytes));
      long rest = segment.memoryBytes - segment.fileBytes;
      if (rest > 0) {
        memory.zero(segment.gpa + segment.fileBytes, rest);
      }
    }
  }

  private static BootException corrupt(ImageFile file, String what) {
    return new BootException(BootException.Code.CORRUPT_KERNEL, file.name() + " " + what);
  }
}
