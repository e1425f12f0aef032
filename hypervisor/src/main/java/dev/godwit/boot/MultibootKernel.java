package dev.godwit.boot;

import dev.godwit.bus.AddressMap;
import dev.godwit.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A kernel with a Multiboot header (Multiboot Specification 0.6.96, 3.1): a 32-bit ELF file, or any
 * file whose header says where it goes; or a flat image, which has none and goes to 1 MiB.
 *
 * @param entryGpa where its 32-bit code starts
 * @param segments what it loads
 */
record MultibootKernel(ImageFile file, long entryGpa, List<ElfKernel.Segment> segments) {
  private static final long MAGIC = 0x1BAD_B002L;
  private static final int SEARCH_BYTES = 8192;
  private static final int HEADER_BYTES = 12;
  private static final int ADDRESS_FIELDS_BYTES = 20;

  /** Header flag: the address fields count, even where the file is ELF. */
  private static final int HAS_ADDRESSES = 1 << 16;

  /** Header flags that a loader must refuse unless it knows them: 0 and 1 (pages, memory). */
  private static final int KNOWN_REQUIREMENTS = 3;

  private static final int REQUIREMENTS = 0xFFFF;

  private static final int CLASS_32_LITTLE_ENDIAN_V1 = 0x01_01_01;
  private static final int TYPE_EXECUTABLE = 2;
  private static final int PROGRAM_HEADER_BYTES = 32;
  private static final long PT_LOAD = 1;

  /** Returns where the header is: aligned, in the first 8 KiB, with a right checksum. */
  static Optional<Long> headerAt(ImageFile file) {
    long end = Math.min(file.size(), SEARCH_BYTES) - HEADER_BYTES;
    for (long at = 0; at <= end; at += 4) {
      if (file.u32(at) == MAGIC
          && (MAGIC + file.u32(at + 4) + file.u32(at + 8) & 0xFFFF_FFFFL) == 0) {
        return Optional.of(at);
      }
    }
    return Optional.empty();
  }

  /** Reads and checks a file whose header is at {@code at}; its segments may lie anywhere yet. */
  static MultibootKernel parse(ImageFile file, long at) {
    long flags = file.u32(at + 4);
    if ((flags & REQUIREMENTS & ~KNOWN_REQUIREMENTS) != 0) {
      throw new BootException(
          BootException.Code.UNSUPPORTED_KERNEL,
          "%s asks a Multiboot loader for more than memory and modules: flags 0x%x"
              .formatted(file.name(), flags));
    }
    return (flags & HAS_ADDRESSES) != 0 ? byAddresses(file, at) : byElf(file);
  }

  /** Takes any file as an image that begins with its 32-bit code. */
  static MultibootKernel flat(ImageFile file) {
    if (file.size() == 0) {
      throw corrupt(file, "is empty");
    }
    return checked(
        file,
        AddressMap.KERNEL_GPA,
        List.of(new ElfKernel.Segment(0, AddressMap.KERNEL_GPA, file.size(), file.size())));
  }

  private static MultibootKernel byAddresses(ImageFile file, long at) {
    file.slice(at + HEADER_BYTES, ADDRESS_FIELDS_BYTES);
    long headerGpa = file.u32(at + 12);
    long loadGpa = file.u32(at + 16);
    long loadEndGpa = file.u32(at + 20);
    long bssEndGpa = file.u32(at + 24);
    long offset = at - (headerGpa - loadGpa);
    if (offset < 0 || loadGpa > headerGpa) {
      throw corrupt(file, "has Multiboot addresses that begin before the file");
    }
    long fileBytes = loadEndGpa == 0 ? file.size() - offset : loadEndGpa - loadGpa;
    file.slice(offset, fileBytes);
    long memoryBytes = bssEndGpa == 0 ? fileBytes : bssEndGpa - loadGpa;
    if (memoryBytes < fileBytes) {
      throw corrupt(file, "has Multiboot addresses that contradict each other");
    }
    return checked(
        file,
        file.u32(at + 28),
        List.of(new ElfKernel.Segment(offset, loadGpa, fileBytes, memoryBytes)));
  }

  private static MultibootKernel byElf(ImageFile file) {
    int identity =
        ElfKernel.looksLikeOne(file) ? file.u8(4) | file.u8(5) << 8 | file.u8(6) << 16 : 0;
    if (identity != CLASS_32_LITTLE_ENDIAN_V1 || file.u16(16) != TYPE_EXECUTABLE) {
      throw new BootException(
          BootException.Code.UNSUPPORTED_KERNEL,
          file.name() + " has a Multiboot header, but is not a static 32-bit ELF file");
    }
    long table = file.u32(28);
    int entries = file.u16(44);
    if (file.u16(42) != PROGRAM_HEADER_BYTES || entries == 0) {
      throw corrupt(file, "has no program headers of the usual size");
    }
    file.slice(table, (long) entries * PROGRAM_HEADER_BYTES);
    List<ElfKernel.Segment> segments = new ArrayList<>();
    for (int i = 0; i < entries; i++) {
      long at = table + (long) i * PROGRAM_HEADER_BYTES;
      if (file.u32(at) == PT_LOAD && file.u32(at + 20) != 0) {
        ElfKernel.Segment segment =
            new ElfKernel.Segment(
                file.u32(at + 4), file.u32(at + 12), file.u32(at + 16), file.u32(at + 20));
        file.slice(segment.offset(), segment.fileBytes());
        if (segment.memoryBytes() < segment.fileBytes()) {
          throw corrupt(file, "has a segment that is larger in the file than in memory");
        }
        segments.add(segment);
      }
    }
    return checked(file, file.u32(24), List.copyOf(segments));
  }

  private static MultibootKernel checked(
      ImageFile file, long entry, List<ElfKernel.Segment> segments) {
    for (ElfKernel.Segment segment : segments) {
      if (entry >= segment.gpa() && entry - segment.gpa() < segment.fileBytes()) {
        return new MultibootKernel(file, entry, segments);
      }
    }
    throw corrupt(file, "starts at 0x%x, where it has no code".formatted(entry));
  }

  long startGpa() {
    return segments.stream().mapToLong(ElfKernel.Segment::gpa).min().orElseThrow();
  }

  long endGpa() {
    return segments.stream().mapToLong(ElfKernel.Segment::endGpa).max().orElseThrow();
  }

  /** Copies the segments into RAM that was checked to be there. */
  void copyTo(GuestMemory memory) {
    for (ElfKernel.Segment segment : segments) {
      memory.copyIn(segment.gpa(), file.slice(segment.offset(), segment.fileBytes()));
      long rest = segment.memoryBytes() - segment.fileBytes();
      if (rest > 0) {
        memory.zero(segment.gpa() + segment.fileBytes(), rest);
      }
    }
  }

  private static BootException corrupt(ImageFile file, String what) {
    return new BootException(BootException.Code.CORRUPT_KERNEL, file.name() + " " + what);
  }
}
