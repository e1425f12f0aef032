package dev.godwit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.source.ConvergencePolicy.Decision;
import dev.godwit.source.ConvergencePolicy.Measured;
import dev.godwit.source.MigrationOptions.OnTimeout;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class ConvergencePolicyTest {
  private static final MigrationOptions OPTIONS =
      MigrationOptions.DEFAULT
          .withMaxDowntime(Duration.ofMillis(50))
          .withMaxRounds(10)
          .withTimeout(Duration.ofSeconds(60), OnTimeout.ABORT);

  private final ConvergencePolicy policy = new ConvergencePolicy(OPTIONS);

  /** 1 GB/s, 5 ms beside the pages: the rest of the budget is 10,986 pages. */
  private static Measured measured(int rounds, long elapsedSeconds, long dirtyPages) {
    return new Measured(
        rounds, elapsedSeconds * 1_000_000_000, dirtyPages, 1_000_000_000, 50_000, 5_000_000);
  }

  @Test
  void stopsAsSoonAsTheRestFitsTheBudget() {
    assertEquals(new Decision.Stop(false), policy.decide(measured(1, 1, 10_986)));
    assertInstanceOf(Decision.AnotherRound.class, policy.decide(measured(1, 1, 10_987)));
  }

  @Test
  void stopsWithoutPagesWhenTheLinkIsUnknown() {
    assertEquals(new Decision.Stop(false), policy.decide(new Measured(1, 1, 0, 0, 0, 5_000_000)));
  }

  @Test
  void givesUpAfterTheLastRoundOrWhenTimeIsOverAndSaysTheNumbers() {
    for (Measured late : new Measured[] {measured(10, 1, 100_000), measured(3, 60, 100_000)}) {
      Decision.GiveUp giveUp = assertInstanceOf(Decision.GiveUp.class, policy.decide(late));
      assertTrue(giveUp.why().contains("100000 pages are still to be sent"), giveUp.why());
      assertTrue(giveUp.why().contains("50000 pages a second"), giveUp.why());
      assertTrue(giveUp.why().contains("would be 415 ms where 50 ms are allowed"), giveUp.why());
    }
  }

  @Test
  void givesUpEarlyWhenNotEvenAnEmptyPauseFits() {
    Measured early = new Measured(9, 2_900_000_000L, 0, 1_000_000_000, 0, 51_000_000);
    Measured settled = new Measured(9, 3_000_000_000L, 0, 1_000_000_000, 0, 51_000_000);
    assertInstanceOf(Decision.AnotherRound.class, policy.decide(early));
    Decision.GiveUp giveUp = assertInstanceOf(Decision.GiveUp.class, policy.decide(settled));
    assertTrue(giveUp.why().contains("51 ms without a single page"), giveUp.why());
    ConvergencePolicy stop =
        new ConvergencePolicy(OPTIONS.withTimeout(Duration.ofSeconds(60), OnTimeout.STOP));
    assertEquals(new Decision.Stop(true), stop.decide(settled));
  }

  @Test
  void stopsWhateverItTakesWhenTheUserSaysSo() {
    ConvergencePolicy stop =
        new ConvergencePolicy(OPTIONS.withTimeout(Duration.ofSeconds(60), OnTimeout.STOP));
    assertEquals(new Decision.Stop(true), stop.decide(measured(10, 1, 100_000)));
    assertEquals(new Decision.Stop(false), stop.decide(measured(10, 1, 10)));
    assertInstanceOf(Decision.AnotherRound.class, stop.decide(measured(9, 59, 100_000)));
  }
}
