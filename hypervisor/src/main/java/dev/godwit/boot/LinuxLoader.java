package dev.godwit.boot;

import dev.godwit.bus.AddressMap;
import dev.godwit.cpu.VcpuState;
import dev.godwit.memory.GuestMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts a Linux kernel into a machine's RAM, in place of firmware and boot loader, by the x86 boot
 * protocol (Linux Documentation/arch/x86/boot.rst).
 *
 * <p>The kernel inside a bzImage is unpacked here and entered as its own decompressor would: at the
 * physical address that it was linked for, without a random offset. Where the packing is one that
 * we do not read, the decompressor runs in the guest.
 */
public final class LinuxLoader {
  private static final Logger LOG = LoggerFactory.getLogger(LinuxLoader.class);

  /** Bytes of randomness for the guest, as much as its generator's key. */
  private static final int SEED_BYTES = 32;

  /** What {@link AddressMap#COMMAND_LINE_GPA} has room for, the NUL included. */
  private static final int COMMAND_LINE_LIMIT_BYTES = 2048;

  /** Where the 64-bit entry point is in a bzImage's protected-mode code. */
  private static final long ENTRY_64_OFFSET = 0x200;

  /** The default of boot.rst for kernels that do not say. */
  private static final long INITRD_ADDRESS_MAX = 0x7FFF_FFFFL;

  private LinuxLoader() {}

  /**
   * What is to be loaded and where: all of it checked, nothing written.
   *
   * @param params boot parameters so far
   * @param startGpa first byte that the kernel needs
   * @param endGpa after the last byte that it needs before it knows the memory map
   * @param entryGpa where it is entered
   * @param initrdAddressMax highest gpa for the initrd
   * @param commandLineBytes the longest command line, without NUL
   * @param copy writes the kernel into RAM
   */
  private record Plan(
      BootParams params,
      long startGpa,
      long endGpa,
      long entryGpa,
      long initrdAddressMax,
      long commandLineBytes,
      Runnable copy) {}

  /**
   * Loads kernel, initrd, command line, ACPI tables and a fresh random seed.
   *
   * @param board what the ACPI tables say of the machine
   * @param atReset the reset state of vCPU 0
   * @return the state from which vCPU 0 is to run; the others wait for SIPI
   * @throws BootException if that is impossible; RAM is unchanged then
   */
  public static VcpuState load(
      BootImage image, GuestMemory memory, Board board, VcpuState atReset) {
    if (MultibootLoader.takes(image)) {
      return MultibootLoader.load(image, memory, board, atReset);
    }
    byte[] seed = new byte[SEED_BYTES];
    new SecureRandom().nextBytes(seed);
    return load(image, memory, board, atReset, seed, true);
  }

  /** As above, with a given seed and the choice not to unpack the kernel here. */
  static VcpuState load(
      BootImage image,
      GuestMemory memory,
      Board board,
      VcpuState atReset,
      byte[] seed,
      boolean unpack) {
    long startNanos = System.nanoTime();
    try (Arena arena = Arena.ofConfined()) {
      ImageFile kernel = ImageFile.map(image.kernel(), arena);
      Plan plan = plan(kernel, memory, unpack);
      if (plan.startGpa < AddressMap.KERNEL_GPA
          || !memory.isRam(plan.startGpa, plan.endGpa - plan.startGpa)) {
        throw new BootException(
            BootException.Code.DOES_NOT_FIT,
            "%s wants RAM from 0x%x to 0x%x; the machine has %d MiB"
                .formatted(kernel.name(), plan.startGpa, plan.endGpa, memory.ramBytes() >> 20));
      }
      checkCommandLine(image.commandLine(), plan);
      Optional<ImageFile> initrd = image.initrd().map(path -> ImageFile.map(path, arena));
      long initrdGpa =
          initrd.map(file -> placeInitrd(file, image.kernel(), plan, memory)).orElse(0L);

      plan.copy.run();
      if (initrd.isPresent() && initrd.get().size() > 0) {
        memory.copyIn(initrdGpa, initrd.get().bytes());
        plan.params.initrd(initrdGpa, initrd.get().size());
      }
      long rsdp = AcpiTables.write(memory, board);
      plan.params.write(memory, image.commandLine(), rsdp, seed);
      LOG.debug(
          "loaded {} in {} ms, entry 0x{}",
          kernel.name(),
          (System.nanoTime() - startNanos) / 1_000_000,
          Long.toHexString(plan.entryGpa));
      return LongModeEntry.prepare(memory, atReset, plan.entryGpa);
    }
  }

  private static Plan plan(ImageFile kernel, GuestMemory memory, boolean unpack) {
    if (ElfKernel.looksLikeOne(kernel)) {
      ElfKernel elf = ElfKernel.parse(kernel);
      return new Plan(
          BootParams.ofVmlinux(),
          elf.startGpa(),
          elf.endGpa(),
          elf.entryGpa(),
          INITRD_ADDRESS_MAX,
          COMMAND_LINE_LIMIT_BYTES - 1,
          () -> elf.copyTo(memory));
    }
    if (!BzImage.looksLikeOne(kernel)) {
      throw new BootException(
          BootException.Code.NOT_A_KERNEL,
          kernel.name()
              + " is neither a bzImage nor a vmlinux nor a Multiboot kernel: it is no kernel for"
              + " x86, or a flat image, which must be asked for (--kernel-format flat)");
    }
    BzImage image = BzImage.parse(kernel);
    Optional<ElfKernel> inner =
        unpack ? KernelPayload.unpack(image).map(ElfKernel::parse) : Optional.empty();
    return inner
        .map(elf -> planUnpacked(image, elf, memory))
        .orElseGet(() -> planPacked(image, memory));
  }

  private static Plan planUnpacked(BzImage image, ElfKernel elf, GuestMemory memory) {
    return new Plan(
        BootParams.of(image),
        elf.startGpa(),
        Math.max(elf.endGpa(), saturatedEnd(elf.startGpa(), image.initBytes())),
        elf.entryGpa(),
        image.initrdAddressMax(),
        image.commandLineBytes(),
        () -> elf.copyTo(memory));
  }

  private static Plan planPacked(BzImage image, GuestMemory memory) {
    MemorySegment code = image.protectedModeCode();
    long gpa = image.preferredGpa();
    return new Plan(
        BootParams.of(image),
        gpa,
        saturatedEnd(gpa, Math.max(image.initBytes(), code.byteSize())),
        gpa + ENTRY_64_OFFSET,
        image.initrdAddressMax(),
        image.commandLineBytes(),
        () -> memory.copyIn(gpa, code));
  }

  /** Adds two numbers from a file so that nonsense ends beyond all RAM instead of wrapping. */
  private static long saturatedEnd(long gpa, long bytes) {
    return gpa < 0 || gpa > Long.MAX_VALUE - bytes ? Long.MAX_VALUE : gpa + bytes;
  }

  private static void checkCommandLine(String commandLine, Plan plan) {
    int bytes = commandLine.getBytes(StandardCharsets.UTF_8).length;
    long limit = Math.min(plan.commandLineBytes, COMMAND_LINE_LIMIT_BYTES - 1);
    if (bytes > limit || commandLine.indexOf(0) >= 0) {
      throw new BootException(
          BootException.Code.BAD_COMMAND_LINE,
          "the kernel's command line has %d bytes; %d are allowed, none of them NUL"
              .formatted(bytes, limit));
    }
  }

  /** Returns the highest page at which the initrd fits, above the kernel. */
  private static long placeInitrd(ImageFile initrd, Path kernel, Plan plan, GuestMemory memory) {
    long lowEnd = memory.regions().getFirst().bytes();
    long end = Math.min(lowEnd, plan.initrdAddressMax + 1);
    long gpa = (end - initrd.size()) & -GuestMemory.PAGE_BYTES;
    if (gpa < plan.endGpa) {
      throw new BootException(
          BootException.Code.DOES_NOT_FIT,
          "%s (%d MiB) does not fit between the end of %s at 0x%x and 0x%x: give the machine more memory"
              .formatted(initrd.name(), initrd.size() >> 20, kernel, plan.endGpa, end));
    }
    return gpa;
  }
}
