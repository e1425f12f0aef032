package dev.godwit.guest;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CpioWriterTest {
  private static final int HEADER_BYTES = 110;

  @Test
  void writesWhatAReaderOfTheNewcFormFinds() throws IOException {
    List<Entry> entries = read(sample());

    assertEquals(
        List.of("bin", "bin/tool", "dev", "dev/console", "init", "TRAILER!!!"),
        entries.stream().map(Entry::name).toList());
    Entry tool = entries.get(1);
    assertEquals(0100755, tool.mode());
    assertArrayEquals("#!/bin/sh\n".getBytes(US_ASCII), tool.content());
    Entry console = entries.get(3);
    assertEquals(0020600, console.mode());
    assertEquals(5, console.major());
    assertEquals(1, console.minor());
    Entry init = entries.get(4);
    assertEquals(0120777, init.mode());
    assertEquals("bin/tool", new String(init.content(), UTF_8));
    assertEquals(2, entries.getFirst().links());
  }

  @Test
  void givesEachFileAnInodeOfItsOwnAndNoTimes() throws IOException {
    List<Entry> entries = read(sample());
    List<Entry> files = entries.subList(0, entries.size() - 1);

    assertEquals(files.size(), files.stream().map(Entry::inode).distinct().count());
    files.forEach(f -> assertEquals(0, f.modified(), f.name()));
  }

  @Test
  void writesEqualBytesForEqualCalls() throws IOException {
    assertArrayEquals(sample(), sample());
  }

  @Test
  void endsOnABlockBoundary() throws IOException {
    assertEquals(0, sample().length % 512);
  }

  @Test
  void refusesAFileWhoseFolderIsNotThere() throws IOException {
    try (CpioWriter cpio = new CpioWriter(new ByteArrayOutputStream())) {
      assertThrows(IllegalArgumentException.class, () -> cpio.file("bin/sh", 0755, new byte[0]));
    }
  }

  @Test
  void refusesANameTwice() throws IOException {
    try (CpioWriter cpio = new CpioWriter(new ByteArrayOutputStream())) {
      cpio.folder("bin", 0755);
      assertThrows(IllegalArgumentException.class, () -> cpio.symlink("bin", "usr/bin"));
    }
  }

  @Test
  void refusesNamesThatAReaderWouldMisunderstand() throws IOException {
    try (CpioWriter cpio = new CpioWriter(new ByteArrayOutputStream())) {
      for (String name :
          List.of("", "..", "/etc", "bin/", "TRAILER!!!", "a\0b", "x".repeat(4096))) {
        assertThrows(
            IllegalArgumentException.class, () -> cpio.file(name, 0644, new byte[0]), name);
      }
    }
  }

  private static byte[] sample() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (CpioWriter cpio = new CpioWriter(bytes)) {
      cpio.folder("bin", 0755);
      cpio.file("bin/tool", 0755, "#!/bin/sh\n".getBytes(US_ASCII));
      cpio.folder("dev", 0755);
      cpio.characterDevice("dev/console", 0600, 5, 1);
      cpio.symlink("init", "bin/tool");
    }
    return bytes.toByteArray();
  }

  /**
   * What a reader finds: the form as the kernel's documentation has it, read without the writer's
   * help.
   */
  private record Entry(
      String name,
      int inode,
      int mode,
      int links,
      int modified,
      int major,
      int minor,
      byte[] content) {}

  private static List<Entry> read(byte[] archive) {
    List<Entry> entries = new ArrayList<>();
    int at = 0;
    String name = "";
    while (!name.equals("TRAILER!!!")) {
      assertEquals("070701", new String(archive, at, 6, US_ASCII));
      int[] f = new int[13];
      for (int i = 0; i < f.length; i++) {
        f[i] = Integer.parseUnsignedInt(new String(archive, at + 6 + 8 * i, 8, US_ASCII), 16);
      }
      int nameBytes = f[11];
      int contentBytes = f[6];
      name = new String(archive, at + HEADER_BYTES, nameBytes - 1, UTF_8);
      assertEquals(0, archive[at + HEADER_BYTES + nameBytes - 1], "the name ends with NUL");
      int contentAt = (at + HEADER_BYTES + nameBytes + 3) & ~3;
      byte[] content = Arrays.copyOfRange(archive, contentAt, contentAt + contentBytes);
      entries.add(new Entry(name, f[0], f[1], f[4], f[5], f[9], f[10], content));
      at = (contentAt + contentBytes + 3) & ~3;
    }
    for (int rest = at; rest < archive.length; rest++) {
      assertEquals(0, archive[rest], "padding");
    }
    return entries;
  }
}
