package dev.godwit.boot;

import dev.godwit.bus.AddressMap;
import dev.godwit.memory.GuestMemory;
import java.nio.charset.StandardCharsets;

/**
 * The boot parameters ("zero page") that a Linux kernel is entered with (Linux
 * Documentation/arch/x86/zero-page.rst), and what they point to.
 */
final class BootParams {
  private static final int PAGE_BYTES = 4096;
  private static final int ACPI_RSDP = 0x70;
  private static final int E820_ENTRIES = 0x1E8;
  private static final int E820_TABLE = 0x2D0;
  private static final int E820_ENTRY_BYTES = 20;
  private static final int E820_RAM = 1;
  private static final int E820_RESERVED = 2;

  private static final int BOOT_FLAG = 0x1FE;
  private static final int HEADER_MAGIC = 0x202;
  private static final int VERSION = 0x206;
  private static final int TYPE_OF_LOADER = 0x210;
  private static final int LOAD_FLAGS = 0x211;
  private static final int RAMDISK_IMAGE = 0x218;
  private static final int RAMDISK_SIZE = 0x21C;
  private static final int COMMAND_LINE = 0x228;
  private static final int SETUP_DATA = 0x250;

  private static final int LOADER_UNDEFINED = 0xFF;
  private static final int LOADED_HIGH = 1;
  private static final int SETUP_RNG_SEED = 9;

  private final Struct page = new Struct(PAGE_BYTES);

  /** Starts from the kernel's own setup header. */
  static BootParams of(BzImage image) {
    BootParams params = new BootParams();
    params.page.put(BzImage.HEADER_OFFSET, image.header());
    return params;
  }

  /** Starts from the least that a kernel without a setup header, a vmlinux, looks at. */
  static BootParams ofVmlinux() {
    BootParams params = new BootParams();
    params.page.put16(BOOT_FLAG, 0xAA55).put32(HEADER_MAGIC, 0x5372_6448).put16(VERSION, 0x020F);
    params.page.put8(LOAD_FLAGS, LOADED_HIGH);
    return params;
  }

  void initrd(long gpa, long bytes) {
    page.put32(RAMDISK_IMAGE, gpa).put32(RAMDISK_SIZE, bytes);
  }

  /**
   * Writes the parameters, the command line, the memory map and the seed of the random number
   * generator.
   */
  void write(GuestMemory memory, String commandLine, long rsdpGpa, byte[] seed) {
    memory.copyIn(
        AddressMap.COMMAND_LINE_GPA, (commandLine + "\0").getBytes(StandardCharsets.UTF_8));
    Struct setupData = new Struct(16 + seed.length);
    setupData.add64(0).add32(SETUP_RNG_SEED).add32(seed.length).add(seed);
    memory.copyIn(AddressMap.SETUP_DATA_GPA, setupData.bytes());

    page.put8(TYPE_OF_LOADER, LOADER_UNDEFINED);
    page.put32(COMMAND_LINE, AddressMap.COMMAND_LINE_GPA);
    page.put64(SETUP_DATA, AddressMap.SETUP_DATA_GPA);
    page.put64(ACPI_RSDP, rsdpGpa);
    putMemoryMap(memory);
    memory.copyIn(AddressMap.BOOT_PARAMS_GPA, page.bytes());
  }

  private void putMemoryMap(GuestMemory memory) {
    long lowEnd = memory.regions().getFirst().bytes();
    int entry = 0;
    entry = putRange(entry, 0, AddressMap.EBDA_GPA, E820_RAM);
    entry = putRange(entry, AddressMap.EBDA_GPA, 0xA0000, E820_RESERVED);
    entry = putRange(entry, AddressMap.ACPI_TABLES_GPA, AddressMap.KERNEL_GPA, E820_RESERVED);
    entry = putRange(entry, AddressMap.KERNEL_GPA, lowEnd, E820_RAM);
    entry = putRange(entry, AddressMap.ECAM_GPA, AddressMap.ECAM_END_GPA, E820_RESERVED);
    if (memory.topGpa() > GuestMemory.HOLE_END_GPA) {
      entry = putRange(entry, GuestMemory.HOLE_END_GPA, memory.topGpa(), E820_RAM);
    }
    page.put8(E820_ENTRIES, entry);
  }

  private int putRange(int entry, long startGpa, long endGpa, int type) {
    int at = E820_TABLE + entry * E820_ENTRY_BYTES;
    page.put64(at, startGpa).put64(at + 8, endGpa - startGpa).put32(at + 16, type);
    return entry + 1;
  }
}
