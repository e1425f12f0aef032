package dev.godwit.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class PageScannerTest {
  private static final int PAGE = GuestMemory.PAGE_BYTES;

  @Test
  void tellsWhichPagesStartWithZero() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment pages = arena.allocate(70L * PAGE);
      for (int page = 0; page < 70; page += 3) {
        pages.set(ValueLayout.JAVA_BYTE, (long) page * PAGE + page % 8, (byte) 0x80);
      }
      pages.set(ValueLayout.JAVA_BYTE, PAGE + 8, (byte) 1); // not in its start
      long expected = 0;
      for (int i = 0; i < 64; i++) {
        expected |= ((i + 2) % 3 == 0 ? 0L : 1L) << i;
      }
      assertEquals(expected, PageScanner.startWithZero(pages, 2L * PAGE, 64));
      assertEquals(0b110, PageScanner.startWithZero(pages, 0, 3));
      assertFalse(PageScanner.isZero(pages, PAGE));
      assertTrue(PageScanner.isZero(pages, 2L * PAGE));
      assertThrows(
          IndexOutOfBoundsException.class, () -> PageScanner.startWithZero(pages, 69L * PAGE, 2));
    }
  }
}
