package dev.godwit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class RateLimitTest {
  @Test
  void keepsToItsRateOverTime() {
    RateLimit limit = new RateLimit(10_000_000, 0);
    long now = 0;
    long taken = 0;
    while (now < 2_000_000_000L) {
      long pause = limit.pauseNanos(now);
      if (pause > 0) {
        now += pause;
      } else {
        limit.took(65536);
        taken += 65536;
        now += 1000;
      }
    }
    assertEquals(20e6, (double) taken, 20e6 * 0.02);
  }

  @Test
  void savesUpNoMoreThanATenthOfASecond() {
    RateLimit limit = new RateLimit(10_000_000, 0);
    long now = 3_600_000_000_000L;
    long burst = 0;
    while (limit.pauseNanos(now) == 0) {
      limit.took(10_000);
      burst += 10_000;
    }
    assertEquals(1_000_000.0, (double) burst, 20_000.0);
  }

  @Test
  void isNoLimitWhenItIsZero() {
    RateLimit limit = new RateLimit(0, 0);
    limit.took(Long.MAX_VALUE);
    assertEquals(0, limit.pauseNanos(1));
  }
}
