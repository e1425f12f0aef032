package dev.godwit.boot;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.godwit.bus.AddressMap;
import dev.godwit.machine.CpuEngines;
import dev.godwit.machine.MachineConfig;
import dev.godwit.machine.MachineState;
import dev.godwit.machine.MachineState.StopReason;
import dev.godwit.machine.Pc;
import dev.godwit.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.HexFormat;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Multiboot kernels and flat images, booted on a PC with the debug ports. */
@Timeout(30)
class MultibootTest {
  private static final long RAM_BYTES = 32 << 20;

  /** Prints the command line that EBX leads to, if EAX has the magic, and ends with 10h; else 1. */
  private static final String PRINT_COMMAND_LINE =
      """
      3d02b0ad2b 7518 8b7310 8a06 84c0 7406 e6e9 46 ebf5 90
      b810000000 e7f4 ebfe b801000000 e7f4 ebfe
      """;

  @TempDir Path folder;

  private static byte[] code(String hex) {
    return HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
  }

  private Pc boot(byte[] kernel, Optional<Path> module) throws IOException {
    return boot(kernel, BootImage.Format.AUTO, module);
  }

  private Pc boot(byte[] kernel, BootImage.Format format, Optional<Path> module)
      throws IOException {
    Path file = Files.write(folder.resolve("kernel"), kernel);
    Pc pc =
        Pc.build(
            new MachineConfig(
                    "m",
                    RAM_BYTES,
                    1,
                    "x86-64-v2",
                    Pc.STANDARD_DEVICES,
                    MachineConfig.DEFAULT_TSC_HZ)
                .withDevices(Pc.DEBUG_DEVICES),
            GuestMemory.allocate(RAM_BYTES),
            CpuEngines.create(CpuEngines.SOFT),
            InstantSource.system());
    try {
      pc.load(new BootImage(file, format, module, "hello=1"));
      return pc;
    } catch (RuntimeException e) {
      pc.machine().close();
      throw e;
    }
  }

  /** Runs the machine; returns what it has printed. */
  private static String untilEnd(Pc pc) {
    try {
      pc.machine().start();
      MachineState.Stopped end =
          pc.machine().stopped().toCompletableFuture().orTimeout(20, TimeUnit.SECONDS).join();
      assertEquals(StopReason.GUEST_EXIT, end.reason(), end.detail());
      return new String(pc.console().scrollBack(), US_ASCII);
    } finally {
      pc.machine().close();
    }
  }

  @Test
  void anElfKernelFindsItsCommandLineAndEndsTheMachineWithItsStatus() throws IOException {
    Pc pc = boot(MultibootFixture.elf(code(PRINT_COMMAND_LINE), 3, 0), Optional.empty());
    assertEquals(folder.resolve("kernel") + " hello=1", untilEnd(pc));
    assertEquals(OptionalInt.of(0x21), pc.guestStatus());
  }

  @Test
  void aFileWithAddressesNeedsNoElf() throws IOException {
    Pc pc = boot(MultibootFixture.flat(code(PRINT_COMMAND_LINE)), Optional.empty());
    untilEnd(pc);
    assertEquals(OptionalInt.of(0x21), pc.guestStatus());
  }

  @Test
  void aFlatImageStartsWithItsFirstByteAsMultibootKernelsDo() throws IOException {
    Pc pc = boot(code(PRINT_COMMAND_LINE), BootImage.Format.FLAT, Optional.empty());
    assertEquals(folder.resolve("kernel") + " hello=1", untilEnd(pc));
    assertEquals(OptionalInt.of(0x21), pc.guestStatus());
  }

  @Test
  void aFlatImageIsAtOneMebibyteEvenIfItLooksLikeAKernel() throws IOException {
    // mov $0x8000,%esp; call 1f; 1: pop %eax; shr $16,%eax; out %al,$0xf4; a Multiboot header.
    // Multiboot header.
    byte[] image = new byte[0x100];
    byte[] start = code("bc00800000 e800000000 58 c1e810 e6f4 ebfe");
    System.arraycopy(start, 0, image, 0, start.length);
    System.arraycopy(MultibootFixture.flat(code("ebfe")), 0x60, image, 0x60, 0x22);
    Pc pc = boot(image, BootImage.Format.FLAT, Optional.empty());
    untilEnd(pc);
    assertEquals(OptionalInt.of(0x21), pc.guestStatus());
  }

  @Test
  void aFlatImageMustBeAskedForAndFit() {
    byte[] image = code(PRINT_COMMAND_LINE);
    BootException unasked =
        assertThrows(BootException.class, () -> boot(image, Optional.empty()).machine().close());
    assertEquals(BootException.Code.NOT_A_KERNEL, unasked.code());
    BootException empty =
        assertThrows(
            BootException.class,
            () -> boot(new byte[0], BootImage.Format.FLAT, Optional.empty()).machine().close());
    assertEquals(BootException.Code.CORRUPT_KERNEL, empty.code());
    BootException large =
        assertThrows(
            BootException.class,
            () ->
                boot(new byte[(int) RAM_BYTES], BootImage.Format.FLAT, Optional.empty())
                    .machine()
                    .close());
    assertEquals(BootException.Code.DOES_NOT_FIT, large.code());
  }

  @Test
  void whatTheGuestPrintsAtPortE9IsOnTheConsole() throws IOException {
    // mov $'o',%al; out %al,$0xe9; mov $'k',%al; out %al,$0xe9; out %al,$0xf4
    Pc pc = boot(MultibootFixture.flat(code("b06f e6e9 b06b e6e9 e6f4 ebfe")), Optional.empty());
    assertEquals("ok", untilEnd(pc));
  }

  @Test
  void informationSaysWhereCommandLineModuleAndMemoryAre() throws IOException {
    Path module = Files.writeString(folder.resolve("module"), "a module");
    Pc pc = boot(MultibootFixture.elf(code("ebfe"), 0, 0), Optional.of(module));
    try {
      GuestMemory memory = pc.machine().memory();
      long info = AddressMap.BOOT_PARAMS_GPA;
      assertEquals(0x24D, memory.read32(info));
      assertEquals((RAM_BYTES >> 10) - 1024, memory.read32(info + 8));
      byte[] text = new byte[200];
      memory.copyOut(memory.read32(info + 16), MemorySegment.ofArray(text));
      assertEquals(
          folder.resolve("kernel") + " hello=1", new String(text, US_ASCII).split("\0", 2)[0]);
      assertEquals(1, memory.read32(info + 20));
      long start = memory.read32(memory.read32(info + 24));
      assertEquals(8, memory.read32(memory.read32(info + 24) + 4) - start);
      assertEquals('a', memory.read8(start));
      long map = memory.read32(info + 48);
      assertEquals(20, memory.read32(map));
      assertEquals(AddressMap.EBDA_GPA, memory.read64(map + 12));
    } finally {
      pc.machine().close();
    }
  }

  @Test
  void whatCannotBeBootedIsRefusedByName() {
    assertEquals(
        BootException.Code.UNSUPPORTED_KERNEL, refusal(MultibootFixture.elf(code("ebfe"), 4, 0)));
    assertEquals(
        BootException.Code.CORRUPT_KERNEL, refusal(MultibootFixture.elf(code("ebfe"), 0, 0x4000)));
    byte[] low = MultibootFixture.flat(code("ebfe"));
    low[0x60 + 14] = 0; // load address 0
    low[0x60 + 18] = 0;
    low[0x60 + 30] = 0;
    assertEquals(BootException.Code.DOES_NOT_FIT, refusal(low));
    byte[] before = MultibootFixture.flat(code("ebfe"));
    before[0x60 + 18] = 0x30; // loaded above its header
    assertEquals(BootException.Code.CORRUPT_KERNEL, refusal(before));
  }

  private BootException.Code refusal(byte[] kernel) {
    BootException e = assertThrows(BootException.class, () -> boot(kernel, Optional.empty()));
    assertFalse(String.valueOf(e.getMessage()).isBlank());
    return e.code();
  }
}
