package dev.godwit.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GuestMemoryTest {
  private static final long MIB = 1L << 20;

  @Test
  void putsRamAboveTheHoleFromFourGibOn() {
    try (GuestMemory memory = GuestMemory.allocate(GuestMemory.HOLE_START_GPA + 16 * MIB)) {
      assertEquals(2, memory.regions().size());
      assertEquals(GuestMemory.HOLE_END_GPA + 16 * MIB, memory.topGpa());
      memory.write64(GuestMemory.HOLE_END_GPA, 0x1122334455667788L);
      memory.write64(GuestMemory.HOLE_START_GPA - 8, 42);
      assertEquals(0x1122334455667788L, memory.read64(GuestMemory.HOLE_END_GPA));
      assertEquals(42, memory.read64(GuestMemory.HOLE_START_GPA - 8));
      assertEquals(memory.ramBytes() / 4096, memory.allPages().count());
    }
  }

  @Test
  void refusesWhatIsNotWhollyRam() {
    try (GuestMemory memory = GuestMemory.allocate(GuestMemory.HOLE_START_GPA + 16 * MIB)) {
      assertFalse(memory.isRam(GuestMemory.HOLE_START_GPA - 4, 8));
      assertFalse(memory.isRam(GuestMemory.HOLE_END_GPA - 1, 1));
      assertFalse(memory.isRam(-1, 1));
      assertFalse(memory.isRam(Long.MAX_VALUE, 2));
      assertTrue(memory.isRam(memory.topGpa() - 8, 8));
      for (long gpa :
          new long[] {
            GuestMemory.HOLE_START_GPA - 4, GuestMemory.HOLE_END_GPA - 4, memory.topGpa() - 7
          }) {
        MemoryException e = assertThrows(MemoryException.class, () -> memory.write64(gpa, 1));
        assertEquals(MemoryException.Code.NOT_RAM, e.code());
      }
    }
  }

  @Test
  void refusesSizesThatAreNoWholePages() {
    for (long bytes : new long[] {0, -4096, 4097, Long.MAX_VALUE}) {
      MemoryException e = assertThrows(MemoryException.class, () -> GuestMemory.allocate(bytes));
      assertEquals(MemoryException.Code.BAD_SIZE, e.code());
    }
  }

  @Test
  void marksEveryPageThatAnAccessorWrites() {
    try (GuestMemory memory = GuestMemory.allocate(MIB)) {
      memory.write8(0, 1);
      memory.write16(0x1FFF, 1);
      memory.write32(0x4000, 1);
      memory.copyIn(0x5FFF, new byte[4098]);
      memory.zero(0xA000, 8192);
      PageSet dirty = new PageSet(memory.framePages());
      assertEquals(9, memory.dirty().count());
      assertEquals(9, memory.dirty().harvest(dirty));
      StringBuilder runs = new StringBuilder();
      dirty.forEachRun((first, count) -> runs.append(first).append('+').append(count).append(' '));
      assertEquals("0+3 4+4 10+2 ", runs.toString());
      assertEquals(0, memory.dirty().count());
    }
  }

  @Test
  void findsMarksWhereverTheyAre() {
    // More marks than are compared with none at a time, and not a multiple of that.
    long pages = 3 * 4096 + 40;
    long[] written = {0, 7, 8, 4088, 4095, 4096, 8191, 8192, 8200, 3 * 4096 - 1, pages - 1};
    try (GuestMemory memory = GuestMemory.allocate(pages * 4096)) {
      PageSet expected = new PageSet(memory.framePages());
      for (long gfn : written) {
        memory.write8(gfn * 4096, 1);
        expected.add(gfn);
      }
      PageSet known = new PageSet(memory.framePages());
      known.add(7);
      known.add(9);
      known.add(pages - 1);
      assertEquals(written.length, memory.dirty().count());
      assertEquals(written.length - 2, memory.dirty().countOutside(known));
      PageSet found = new PageSet(memory.framePages());
      assertEquals(written.length, memory.dirty().harvest(found));
      assertEquals(written.length, found.count());
      found.removeAll(expected);
      assertTrue(found.isEmpty());
      assertEquals(0, memory.dirty().count());
      assertEquals(0, memory.dirty().harvest(found));
    }
  }

  @Test
  void readingMarksNothing() {
    try (GuestMemory memory = GuestMemory.allocate(MIB)) {
      memory.read64(0x123);
      memory.copyOut(0, MemorySegment.ofArray(new byte[8192]));
      memory.view(0, 4096);
      assertEquals(0, memory.dirty().count());
    }
  }

  @Test
  void mergesUndeliveredPagesBack() {
    try (GuestMemory memory = GuestMemory.allocate(MIB)) {
      memory.write8(0x3000, 1);
      memory.write8(0x9000, 1);
      PageSet harvested = new PageSet(memory.framePages());
      memory.dirty().harvest(harvested);
      memory.write8(0x5000, 1);
      memory.dirty().mergeBack(harvested);
      assertEquals(3, memory.dirty().harvest(new PageSet(memory.framePages())));
    }
  }

  @Test
  void givesItsPagesBackBeforeItIsClosed() {
    try (GuestMemory memory = GuestMemory.allocate(20 * MIB + 4096)) {
      long last = memory.ramBytes() - 8;
      memory.write64(0, 1);
      memory.write64(10 * MIB, 1);
      memory.write64(last, 1);
      memory.giveBackSlowly();
      assertEquals(0, memory.read64(0) | memory.read64(10 * MIB) | memory.read64(last));
    }
  }

  @Test
  void givesNothingBackTwice() {
    GuestMemory memory = GuestMemory.allocate(MIB);
    memory.close();
    memory.giveBackSlowly();
    memory.close();
  }

  @Test
  void mapsARamFileWithoutEverWritingIt(@TempDir Path dir) throws Exception {
    Path file = dir.resolve("ram");
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.setLength(MIB);
      out.seek(0x8000);
      out.writeByte(77);
    }
    byte[] before = Files.readAllBytes(file);
    try (GuestMemory memory = GuestMemory.mapFile(file, MIB)) {
      assertEquals(77, memory.read8(0x8000));
      memory.write8(0x8000, 78);
      assertEquals(78, memory.read8(0x8000));
    }
    assertArrayEquals(before, Files.readAllBytes(file));
  }

  @Test
  void refusesARamFileOfTheWrongLength(@TempDir Path dir) throws Exception {
    Path file = dir.resolve("ram");
    Files.write(file, new byte[4096 * 3]);
    MemoryException e = assertThrows(MemoryException.class, () -> GuestMemory.mapFile(file, MIB));
    assertEquals(MemoryException.Code.BAD_FILE, e.code());
    assertTrue(String.valueOf(e.getMessage()).contains("12288"));
    assertThrows(MemoryException.class, () -> GuestMemory.mapFile(dir.resolve("absent"), MIB));
  }

  @Test
  void knowsWhatNobodyHasTouched() {
    long bytes = GuestMemory.HOLE_START_GPA + 64 * MIB;
    long last = GuestMemory.HOLE_END_GPA + 63 * MIB;
    try (GuestMemory memory = GuestMemory.allocate(bytes)) {
      assertEquals(bytes / 4096, memory.untouchedPages().count());
      memory.write8(8 * MIB + 5, 1);
      memory.write8(16 * MIB, 0);
      memory.write8(last, 1);
      PageSet untouched = memory.untouchedPages();
      assertFalse(untouched.contains(8 * MIB >>> 12));
      assertFalse(untouched.contains(16 * MIB >>> 12));
      assertFalse(untouched.contains(last >>> 12));
      // What lies beside them in the same huge page may count as touched, what is farther away not.
      assertTrue(untouched.contains(12 * MIB >>> 12));
      assertTrue(untouched.contains((last - 4 * MIB) >>> 12));
      assertTrue(untouched.count() >= (bytes - 6 * MIB) / 4096, untouched.count() + " pages");
      assertFalse(untouched.contains(GuestMemory.HOLE_START_GPA >>> 12), "the hole is no RAM");
    }
  }

  @Test
  void ramOfAFileIsNeverUntouched(@TempDir Path dir) throws Exception {
    Path file = dir.resolve("ram");
    Files.write(file, new byte[(int) MIB]);
    try (GuestMemory memory = GuestMemory.mapFile(file, MIB)) {
      assertTrue(memory.untouchedPages().isEmpty());
    }
  }

  @Test
  void classifiesPagesByContent() {
    try (GuestMemory memory = GuestMemory.allocate(MIB)) {
      memory.write8(0x2FFF, 1);
      MemorySegment ram = memory.view(0, MIB);
      assertTrue(PageScanner.isZero(ram, 0x1000));
      assertFalse(PageScanner.isZero(ram, 0x2000));
      assertTrue(PageScanner.isZero(ram, 0x3000));
    }
  }
}
