package dev.godwit.cpu.soft;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@link TierDifference#main} is for long runs. */
@Timeout(120)
class TierDifferenceTest {
  @Test
  void sequencesLeaveTheSameInBothTiers() {
    try (TierDifference tiers = new TierDifference()) {
      assertEquals(List.of(), tiers.differences(20261121, 1500));
    }
  }
}
