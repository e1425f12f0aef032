package dev.godwit.boot;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.godwit.bus.AddressMap;
import dev.godwit.cpu.VcpuState;
import dev.godwit.cpu.VcpuState.Segment;
import dev.godwit.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Optional;

/**
 * Puts a Multiboot kernel or a flat image into a machine's RAM and enters it as the Multiboot
 * Specification 0.6.96 says (3.2, 3.3): 32-bit protected mode, flat segments, EAX the loader's
 * magic, EBX the information structure. The initrd becomes the only module.
 */
final class MultibootLoader {
  private static final long LOADER_MAGIC = 0x2BAD_B002L;

  // The information structure, at the place of Linux's boot parameters, with what it points to.
  private static final long INFO_GPA = AddressMap.BOOT_PARAMS_GPA;
  private static final long MODULE_GPA = INFO_GPA + 0x80;
  private static final long MODULE_TEXT_GPA = INFO_GPA + 0x90;
  private static final long NAME_GPA = INFO_GPA + 0xA0;
  private static final long MAP_GPA = INFO_GPA + 0x100;
  private static final int INFO_BYTES = 0x200;
  private static final int MAP_OFFSET = 0x100;
  private static final int MAP_ENTRY_BYTES = 24;
  private static final int AVAILABLE = 1;
  private static final int RESERVED = 2;

  // Flags: memory sizes, command line, modules, memory map, loader's name.
  private static final int FLAGS = 1 | 1 << 2 | 1 << 6 | 1 << 9;
  private static final int FLAG_MODULES = 1 << 3;

  private static final int RAX = 0;
  private static final int RBX = 3;
  private static final int CODE_ATTRIBUTES = 0xC09B;
  private static final int DATA_ATTRIBUTES = 0xC093;
  private static final int COMMAND_LINE_LIMIT_BYTES = 2048;

  private MultibootLoader() {}

  /** Says whether a file is a kernel for this loader. */
  static boolean takes(BootImage image) {
    if (image.format() == BootImage.Format.FLAT) {
      return true;
    }
    try (Arena arena = Arena.ofConfined()) {
      return MultibootKernel.headerAt(ImageFile.map(image.kernel(), arena)).isPresent();
    }
  }

  /** Loads what {@link #takes} has accepted; see {@link LinuxLoader#load}. */
  static VcpuState load(BootImage image, GuestMemory memory, Board board, VcpuState atReset) {
    try (Arena arena = Arena.ofConfined()) {
      ImageFile file = ImageFile.map(image.kernel(), arena);
      MultibootKernel kernel =
          image.format() == BootImage.Format.FLAT
              ? MultibootKernel.flat(file)
              : MultibootKernel.parse(file, MultibootKernel.headerAt(file).orElseThrow());
      if (kernel.startGpa() < AddressMap.KERNEL_GPA
          || !memory.isRam(kernel.startGpa(), kernel.endGpa() - kernel.startGpa())) {
        throw new BootException(
            BootException.Code.DOES_NOT_FIT,
            "%s wants RAM from 0x%x to 0x%x; the machine has %d MiB, and its kernels start at 1 MiB"
                .formatted(
                    file.name(), kernel.startGpa(), kernel.endGpa(), memory.ramBytes() >> 20));
      }
      // By convention the command line begins with the kernel's own name.
      byte[] commandLine = (image.kernel() + " " + image.commandLine() + "\0").getBytes(UTF_8);
      if (commandLine.length > COMMAND_LINE_LIMIT_BYTES || image.commandLine().indexOf(0) >= 0) {
        throw new BootException(
            BootException.Code.BAD_COMMAND_LINE,
            "the kernel's command line is longer than "
                + COMMAND_LINE_LIMIT_BYTES
                + " bytes, or has NUL characters");
      }
      Optional<ImageFile> module = image.initrd().map(path -> ImageFile.map(path, arena));
      long moduleGpa = kernel.endGpa() + GuestMemory.PAGE_BYTES - 1 & -GuestMemory.PAGE_BYTES;
      if (module.isPresent() && !memory.isRam(moduleGpa, module.get().size())) {
        throw new BootException(
            BootException.Code.DOES_NOT_FIT,
            module.get().name() + " does not fit above the kernel: give the machine more memory");
      }
      kernel.copyTo(memory);
      module.ifPresent(m -> memory.copyIn(moduleGpa, m.bytes()));
      memory.copyIn(AddressMap.COMMAND_LINE_GPA, commandLine);
      AcpiTables.write(memory, board);
      writeInfo(memory, moduleGpa, module.map(ImageFile::size).orElse(-1L));
      return entryState(atReset, kernel.entryGpa());
    }
  }

  private static void writeInfo(GuestMemory memory, long moduleGpa, long moduleBytes) {
    long lowEnd = memory.regions().getFirst().bytes();
    boolean hasModule = moduleBytes >= 0;
    Struct info = new Struct(INFO_BYTES);
    info.put32(0, FLAGS | (hasModule ? FLAG_MODULES : 0));
    info.put32(4, AddressMap.EBDA_GPA >> 10);
    info.put32(8, lowEnd - AddressMap.KERNEL_GPA >> 10);
    info.put32(16, AddressMap.COMMAND_LINE_GPA);
    if (hasModule) {
      info.put32(20, 1).put32(24, MODULE_GPA);
      int at = (int) (MODULE_GPA - INFO_GPA);
      info.put32(at, moduleGpa)
          .put32(at + 4, moduleGpa + moduleBytes)
          .put32(at + 8, MODULE_TEXT_GPA);
      info.put((int) (MODULE_TEXT_GPA - INFO_GPA), "initrd".getBytes(UTF_8));
    }
    info.put((int) (NAME_GPA - INFO_GPA), "godwit".getBytes(UTF_8));
    info.put32(64, NAME_GPA);
    int end = MAP_OFFSET;
    end = putRange(info, end, 0, AddressMap.EBDA_GPA, AVAILABLE);
    end = putRange(info, end, AddressMap.ACPI_TABLES_GPA, AddressMap.KERNEL_GPA, RESERVED);
    end = putRange(info, end, AddressMap.KERNEL_GPA, lowEnd, AVAILABLE);
    end = putRange(info, end, AddressMap.ECAM_GPA, AddressMap.ECAM_END_GPA, RESERVED);
    if (memory.topGpa() > GuestMemory.HOLE_END_GPA) {
      end = putRange(info, end, GuestMemory.HOLE_END_GPA, memory.topGpa(), AVAILABLE);
    }
    info.put32(44, end - MAP_OFFSET).put32(48, MAP_GPA);
    memory.copyIn(INFO_GPA, info.bytes());
  }

  private static int putRange(Struct info, int at, long startGpa, long endGpa, int type) {
    info.put32(at, MAP_ENTRY_BYTES - 4).put64(at + 4, startGpa).put64(at + 12, endGpa - startGpa);
    info.put32(at + 20, type);
    return at + MAP_ENTRY_BYTES;
  }

  private static VcpuState entryState(VcpuState atReset, long entryGpa) {
    long[] gpr = new long[16];
    gpr[RAX] = LOADER_MAGIC;
    gpr[RBX] = INFO_GPA;
    Segment code = new Segment(8, 0, -1, CODE_ATTRIBUTES);
    Segment data = new Segment(16, 0, -1, DATA_ATTRIBUTES);
    return new VcpuState(
        gpr,
        entryGpa,
        2,
        List.of(data, code, data, data, data, data),
        new Segment(0, 0, 0, 0x1_0000),
        new Segment(0, 0, 0x67, 0x8B),
        new VcpuState.Table(0, 0),
        new VcpuState.Table(0, 0),
        new VcpuState.Control(0x11, 0, 0, 0, 0),
        atReset.debug(),
        atReset.msrs(),
        atReset.fxsave(),
        VcpuState.Activity.RUNNING,
        false,
        false);
  }
}
