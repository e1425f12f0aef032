package dev.godwit.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

@EnabledIfSystemProperty(
    named = "os.arch",
    matches = "amd64",
    disabledReason = "only x86-64 hosts have them")
class LockedExchangeTest {
  private final GuestMemory memory = GuestMemory.allocate(8 << 12);

  @AfterEach
  void close() {
    memory.close();
  }

  private long hva(long gpa) {
    return memory.baseHva() + gpa;
  }

  @Test
  void theHostHasThem() {
    assertTrue(LockedExchange.reaches(hva(0), 16));
    assertTrue(LockedExchange.reaches(hva(6), 4));
  }

  @Test
  void anyWidthAtAnyPlaceIsReplacedAndNothingBesides() {
    for (int bytes : new int[] {2, 4, 8}) {
      long mask = bytes == 8 ? -1 : (1L << 8 * bytes) - 1;
      for (long gpa = 0x1000 - 16; gpa < 0x1000 + 64; gpa++) {
        if (!LockedExchange.reaches(hva(gpa), bytes)) {
          continue;
        }
        memory.zero(0xF00, 0x200);
        memory.write64(gpa, 0x8877_6655_4433_2211L);
        long old = 0x8877_6655_4433_2211L & mask;
        long value = 0xFEDC_BA98_7654_3210L;
        assertEquals(old, LockedExchange.compareAndExchange(hva(gpa), bytes, old ^ 1, value));
        assertEquals(0x8877_6655_4433_2211L, memory.read64(gpa));
        assertEquals(old, LockedExchange.compareAndExchange(hva(gpa), bytes, old, value));
        assertEquals(0x8877_6655_4433_2211L & ~mask | value & mask, memory.read64(gpa));
        assertEquals(0, memory.read64(gpa - 8));
        assertEquals(0, memory.read64(gpa + 8));
      }
    }
  }

  @Test
  void sixteenBytesAreReplacedOnlyTogether() {
    LockedExchange exchange = new LockedExchange();
    memory.write64(0x20, 1);
    memory.write64(0x28, -2);
    assertFalse(exchange.compareAndSet(hva(0x20), 1, 2, 5, 6));
    assertFalse(exchange.compareAndSet(hva(0x20), 2, -2, 5, 6));
    assertEquals(1, exchange.foundLow());
    assertEquals(-2, exchange.foundHigh());
    assertTrue(exchange.compareAndSet(hva(0x20), 1, -2, 5, 6));
    assertEquals(5, memory.read64(0x20));
    assertEquals(6, memory.read64(0x28));
    assertEquals(0, memory.read64(0x18));
    assertEquals(0, memory.read64(0x30));
  }
}
