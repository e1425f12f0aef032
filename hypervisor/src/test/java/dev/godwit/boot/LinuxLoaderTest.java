package dev.godwit.boot;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.boot.BootException.Code;
import dev.godwit.bus.AddressMap;
import dev.godwit.cpu.VcpuState;
import dev.godwit.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LinuxLoaderTest {
  private static final long RAM_BYTES = 64 << 20;
  private static final byte[] SEED = new byte[32];

  static {
    Arrays.fill(SEED, (byte) 0x5A);
  }

  @TempDir Path directory;
  private final GuestMemory memory = GuestMemory.allocate(RAM_BYTES);

  @AfterEach
  void closeMemory() {
    memory.close();
  }

  private Path file(String name, byte[] content) throws IOException {
    return Files.write(directory.resolve(name), content);
  }

  private VcpuState load(byte[] kernel, Optional<Path> initrd, String commandLine)
      throws IOException {
    return LinuxLoader.load(
        new BootImage(file("vmlinuz", kernel), initrd, commandLine),
        memory,
        new Board(1, 1),
        KernelFixture.atReset(),
        SEED,
        true);
  }

  private VcpuState load(byte[] kernel) throws IOException {
    return load(kernel, Optional.empty(), "");
  }

  private Code refusal(byte[] kernel) {
    BootException refused = assertThrows(BootException.class, () -> load(kernel));
    assertTrue(refused.toString().contains("vmlinuz"), refused::toString);
    return refused.code();
  }

  private void assertVmlinuxLoaded(VcpuState state) {
    byte[] elf = KernelFixture.vmlinux();
    byte[] code = new byte[100_000];
    memory.copyOut(KernelFixture.KERNEL_GPA, MemorySegment.ofArray(code));
    assertArrayEquals(Arrays.copyOfRange(elf, 0x1000, 0x1000 + code.length), code);
    long second = KernelFixture.KERNEL_GPA + 0x20_0000;
    assertEquals(0x1122_3344_5566_7788L, memory.read64(second));
    assertEquals(0, memory.read64(second + 16), "the rest of the segment is zero");
    assertEquals(KernelFixture.KERNEL_GPA + 0x20, state.rip());
  }

  @ParameterizedTest
  @ValueSource(strings = {"lz4", "gzip", "xz"})
  void unpacksTheKernelAndEntersItDirectly(String packing) throws IOException {
    byte[] vmlinux = KernelFixture.vmlinux();
    byte[] payload =
        switch (packing) {
          case "lz4" -> KernelFixture.lz4(vmlinux);
          case "gzip" -> KernelFixture.gzip(vmlinux);
          default -> KernelFixture.xz(vmlinux);
        };
    memory.write64(KernelFixture.KERNEL_GPA + 0x20_0010, -1); // Left over from an earlier boot.
    assertVmlinuxLoaded(load(KernelFixture.bzImage(payload).bytes()));
  }

  @Test
  void unpacksLz4InSeveralBlocks() throws IOException {
    byte[] vmlinux = Arrays.copyOf(KernelFixture.vmlinux(), 20 << 20);
    assertVmlinuxLoaded(load(KernelFixture.bzImage(KernelFixture.lz4(vmlinux)).bytes()));
  }

  @Test
  void loadsAPlainVmlinux() throws IOException {
    assertVmlinuxLoaded(load(KernelFixture.vmlinux()));
    assertEquals(0x5372_6448, memory.read32(AddressMap.BOOT_PARAMS_GPA + 0x202));
  }

  @Test
  void leavesAnUnknownPackingToTheKernelItself() throws IOException {
    VcpuState state = load(KernelFixture.bzImage(KernelFixture.zstd()).bytes());
    assertEquals(KernelFixture.KERNEL_GPA + 0x200, state.rip());
    assertEquals(0xF4F4_F4F4, memory.read32(state.rip()));
  }

  @Test
  void entersInLongModeAsTheBootProtocolSays() throws IOException {
    VcpuState state = load(KernelFixture.vmlinux());
    assertEquals(AddressMap.BOOT_PARAMS_GPA, state.gpr()[6]);
    assertEquals(2, state.rflags());
    assertEquals(0x8000_0031L, state.control().cr0());
    assertEquals(0x500, state.msrs().get(0xC000_0080));
    assertEquals(0xFEE0_0900L, state.msrs().get(0x1B), "other MSRs are as after reset");
    assertEquals(0x10, state.segments().get(1).selector());
    for (int i : new int[] {0, 2, 3, 4, 5}) {
      assertEquals(0x18, state.segments().get(i).selector());
    }
    for (VcpuState.Segment segment : state.segments()) {
      assertEquals(
          expectedDescriptor(segment), memory.read64(state.gdtr().base() + segment.selector()));
    }
  }

  /** Packs a flat segment as its descriptor (SDM vol. 3A figure 3-8). */
  private static long expectedDescriptor(VcpuState.Segment segment) {
    return 0x000F_0000_0000_FFFFL | (long) segment.attributes() << 40;
  }

  @Test
  void mapsTheFirstFourGigabytesToThemselves() throws IOException {
    VcpuState state = load(KernelFixture.vmlinux());
    for (long address : new long[] {0, 0x7000, 0x100_0000, 0xC000_0000L, 0xFFFF_F000L}) {
      long table = state.control().cr3();
      for (int shift : new int[] {39, 30}) {
        long entry = memory.read64(table + 8 * (address >> shift & 511));
        assertEquals(3, entry & 0xFFF);
        table = entry & -4096;
      }
      long page = memory.read64(table + 8 * (address >> 21 & 511));
      assertEquals(0x83, page & 0x9F, "present, writable, large");
      assertEquals(address & -(2 << 20), page & -(2 << 20));
    }
  }

  @Test
  void handsOnCommandLineInitrdTablesAndSeed() throws IOException {
    byte[] content = new byte[123_457];
    new Random(5).nextBytes(content);
    Path initrd = file("initrd", content);
    load(
        KernelFixture.bzImage(KernelFixture.lz4(KernelFixture.vmlinux())).bytes(),
        Optional.of(initrd),
        "console=ttyS0");

    long params = AddressMap.BOOT_PARAMS_GPA;
    assertEquals(0xFF, memory.read8(params + 0x210), "a loader is named, or the initrd is ignored");
    assertEquals(0, memory.read8(params + 0x1EF), "the sentinel");
    assertEquals(0x020F, memory.read16(params + 0x206));
    assertEquals(AddressMap.ACPI_TABLES_GPA, memory.read64(params + 0x70));

    byte[] commandLine = new byte[14];
    memory.copyOut(memory.read32(params + 0x228), MemorySegment.ofArray(commandLine));
    assertEquals("console=ttyS0\0", new String(commandLine, US_ASCII));

    byte[] loaded = new byte[memory.read32(params + 0x21C)];
    long gpa = memory.read32(params + 0x218);
    memory.copyOut(gpa, MemorySegment.ofArray(loaded));
    assertArrayEquals(content, loaded);
    assertEquals(0, gpa % 4096);
    assertTrue(
        gpa + loaded.length <= RAM_BYTES && gpa + loaded.length > RAM_BYTES - 4096,
        "as high as it goes");

    long setupData = memory.read64(params + 0x250);
    assertEquals(0, memory.read64(setupData), "the only one");
    assertEquals(9, memory.read32(setupData + 8));
    byte[] seed = new byte[memory.read32(setupData + 12)];
    memory.copyOut(setupData + 16, MemorySegment.ofArray(seed));
    assertArrayEquals(SEED, seed);
  }

  @Test
  void everyBootGetsAnotherSeed() throws IOException {
    BootImage image = new BootImage(file("vmlinuz", KernelFixture.vmlinux()), Optional.empty(), "");
    List<Long> seeds = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      LinuxLoader.load(image, memory, new Board(1, 1), KernelFixture.atReset());
      seeds.add(memory.read64(AddressMap.SETUP_DATA_GPA + 16));
    }
    assertTrue(!seeds.get(0).equals(seeds.get(1)));
  }

  @Test
  void memoryMapTellsOfAllRamAndOfWhatIsReserved() throws IOException {
    try (GuestMemory large = GuestMemory.allocate(5L << 30)) {
      LinuxLoader.load(
          new BootImage(file("vmlinuz", KernelFixture.vmlinux()), Optional.empty(), ""),
          large,
          new Board(1, 1),
          KernelFixture.atReset());
      List<String> map = new ArrayList<>();
      long params = AddressMap.BOOT_PARAMS_GPA;
      for (int i = 0; i < large.read8(params + 0x1E8); i++) {
        long at = params + 0x2D0 + 20 * i;
        map.add(
            "%x+%x %d".formatted(large.read64(at), large.read64(at + 8), large.read32(at + 16)));
      }
      assertEquals(
          List.of(
              "0+9fc00 1",
              "9fc00+400 2",
              "f0000+10000 2",
              "100000+bff00000 1",
              "e0000000+10000000 2",
              "100000000+80000000 1"),
          map);
    }
  }

  @Test
  void refusesWhatIsNoKernel() throws IOException {
    assertEquals(Code.NOT_A_KERNEL, refusal(new byte[0]));
    assertEquals(Code.NOT_A_KERNEL, refusal("not a kernel at all".repeat(100).getBytes(US_ASCII)));
    Path missing = directory.resolve("missing");
    BootException refused =
        assertThrows(
            BootException.class,
            () ->
                LinuxLoader.load(
                    new BootImage(missing, Optional.empty(), ""),
                    memory,
                    new Board(1, 1),
                    KernelFixture.atReset()));
    assertEquals(Code.UNREADABLE_FILE, refused.code());
    assertTrue(refused.toString().contains(missing.toString()));
  }

  @Test
  void refusesAMissingInitrdAndOneThatIsADirectory() {
    for (Path initrd : List.of(directory.resolve("nowhere"), directory)) {
      BootException refused =
          assertThrows(
              BootException.class, () -> load(KernelFixture.vmlinux(), Optional.of(initrd), ""));
      assertEquals(Code.UNREADABLE_FILE, refused.code());
    }
  }

  @Test
  void refusesKernelsThatAreTooOldOr32Bit() {
    byte[] payload = KernelFixture.lz4(KernelFixture.vmlinux());
    assertEquals(
        Code.UNSUPPORTED_KERNEL,
        refusal(KernelFixture.bzImage(payload).put16(0x206, 0x20B).bytes()));
    assertEquals(
        Code.UNSUPPORTED_KERNEL, refusal(KernelFixture.bzImage(payload).put16(0x236, 0).bytes()));
    byte[] elf32 = KernelFixture.vmlinux();
    elf32[4] = 1;
    assertEquals(Code.UNSUPPORTED_KERNEL, refusal(elf32));
  }

  @Test
  void refusesPayloadsThatLieAboutTheirSize() {
    byte[] lz4 = KernelFixture.lz4(KernelFixture.vmlinux());
    for (int size : new int[] {0, 1, 1 << 20, 0x7FFF_FFFF, -1}) {
      byte[] payload = lz4.clone();
      System.arraycopy(new Struct(4).add32(size).bytes(), 0, payload, payload.length - 4, 4);
      assertEquals(
          Code.CORRUPT_KERNEL, refusal(KernelFixture.bzImage(payload).bytes()), "size " + size);
    }
  }

  @Test
  void refusesWhatDoesNotFitAndLeavesTheMemoryAlone() throws IOException {
    byte[] payload = KernelFixture.lz4(KernelFixture.vmlinux());
    assertEquals(
        Code.DOES_NOT_FIT, refusal(KernelFixture.bzImage(payload).put32(0x260, RAM_BYTES).bytes()));
    assertEquals(
        Code.DOES_NOT_FIT, refusal(KernelFixture.bzImage(payload).put32(0x260, -1).bytes()));
    assertEquals(
        Code.DOES_NOT_FIT,
        refusal(KernelFixture.bzImage(KernelFixture.zstd()).put64(0x258, -4096).bytes()));
    assertEquals(
        Code.DOES_NOT_FIT,
        refusal(KernelFixture.bzImage(KernelFixture.zstd()).put64(0x258, 0x1000).bytes()),
        "over the boot parameters");
    Path initrd = file("initrd", new byte[60 << 20]);
    BootException refused =
        assertThrows(
            BootException.class, () -> load(KernelFixture.vmlinux(), Optional.of(initrd), ""));
    assertEquals(Code.DOES_NOT_FIT, refused.code());
    assertTrue(refused.toString().contains("initrd"));
    assertEquals(0, memory.dirty().count(), "nothing was written");
  }

  @Test
  void refusesCommandLinesThatAreTooLongOrEndEarly() throws IOException {
    byte[] kernel =
        KernelFixture.bzImage(KernelFixture.lz4(KernelFixture.vmlinux())).put32(0x238, 100).bytes();
    load(kernel, Optional.empty(), "x".repeat(100));
    for (String bad : List.of("x".repeat(101), "a\0b")) {
      BootException refused =
          assertThrows(BootException.class, () -> load(kernel, Optional.empty(), bad));
      assertEquals(Code.BAD_COMMAND_LINE, refused.code());
    }
  }

  /** Any damage to a kernel file is either harmless or named. */
  @Test
  void damagedFilesAreLoadedOrRefusedButNeverFailOtherwise() throws IOException {
    List<byte[]> kernels =
        List.of(
            KernelFixture.bzImage(KernelFixture.lz4(KernelFixture.vmlinux())).bytes(),
            KernelFixture.bzImage(KernelFixture.gzip(KernelFixture.vmlinux())).bytes(),
            KernelFixture.bzImage(KernelFixture.xz(KernelFixture.vmlinux())).bytes(),
            KernelFixture.vmlinux());
    Random random = new Random(7);
    int refused = 0;
    for (int round = 0; round < 600; round++) {
      byte[] damaged = kernels.get(round % kernels.size()).clone();
      int headers = round % kernels.size() == 3 ? 200 : CODE_AND_PAYLOAD_START;
      for (int i = random.nextInt(4); i >= 0; i--) {
        int at = random.nextInt(random.nextBoolean() ? headers : damaged.length);
        damaged[at] = (byte) (random.nextBoolean() ? 0xFF : random.nextInt());
      }
      if (random.nextInt(4) == 0) {
        damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length));
      }
      try {
        load(damaged);
      } catch (BootException e) {
        refused++;
      }
    }
    assertTrue(refused > 200, "refused " + refused);
  }

  private static final int CODE_AND_PAYLOAD_START =
      KernelFixture.CODE_OFFSET + KernelFixture.PAYLOAD_OFFSET + 64;
}
