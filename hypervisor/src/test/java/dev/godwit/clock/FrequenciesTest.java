package dev.godwit.clock;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.clock.Frequencies.CrystalRatio;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class FrequenciesTest {
  @Test
  void tellsTheTscAsAMultipleOfTheCrystal() {
    assertEquals(Optional.of(new CrystalRatio(1, 1)), Frequencies.crystalRatio(1_000_000_000L));
    assertEquals(Optional.of(new CrystalRatio(29, 10)), Frequencies.crystalRatio(2_900_000_000L));
    assertEquals(
        Optional.of(new CrystalRatio(2893, 1000)), Frequencies.crystalRatio(2_893_000_000L));
  }

  @Test
  void keepsSilentWhereTheKernelsArithmeticWouldOverflow() {
    assertEquals(Optional.empty(), Frequencies.crystalRatio(2_893_437_000L));
  }
}
