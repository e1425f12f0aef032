package dev.godwit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.source.ConvergencePolicy.Decision;
import dev.godwit.source.ConvergencePolicy.Measured;
import dev.godwit.source.MigrationOptions.OnTimeout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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
        rounds, 0, elapsedSeconds * 1_000_000_000, dirtyPages, 1_000_000_000, 50_000, 5_000_000, 0);
  }

  @Test
  void stopsAsSoonAsTheRestFitsTheBudget() {
    assertEquals(new Decision.Stop(false), policy.decide(measured(1, 1, 10_986)));
    assertInstanceOf(Decision.AnotherRound.class, policy.decide(measured(1, 1, 10_987)));
  }

  @Test
  void stopsWithoutPagesWhenTheLinkIsUnknown() {
    assertEquals(
        new Decision.Stop(false), policy.decide(new Measured(1, 0, 1, 0, 0, 0, 5_000_000, 0)));
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
    Measured early = new Measured(9, 0, 2_900_000_000L, 0, 1_000_000_000, 0, 51_000_000, 0);
    Measured settled = new Measured(9, 0, 3_000_000_000L, 0, 1_000_000_000, 0, 51_000_000, 0);
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

  @Test
  void throttlesStepByStepOnceTimeIsOverAndGivesUpWhenThatTookAsLongAgain() {
    ConvergencePolicy throttle =
        new ConvergencePolicy(
            OPTIONS
                .withMaxRounds(Integer.MAX_VALUE)
                .withTimeout(Duration.ofSeconds(60), OnTimeout.THROTTLE)
                .withMaxThrottlePercent(90));
    assertEquals(new Decision.AnotherRound(0), throttle.decide(measured(3, 59, 100_000)));
    List<Integer> steps = new ArrayList<>();
    int percent = 0;
    for (int round = 0; round < 8; round++) {
      Measured measured =
          new Measured(4, 0, 61_000_000_000L, 100_000, 1_000_000_000, 200_000, 5_000_000, percent);
      percent =
          assertInstanceOf(Decision.AnotherRound.class, throttle.decide(measured))
              .throttlePercent();
      steps.add(percent);
    }
    assertEquals(List.of(38, 62, 76, 85, 90, 90, 90, 90), steps);
    assertEquals(new Decision.Stop(false), throttle.decide(measured(9, 61, 10)));
    assertInstanceOf(Decision.GiveUp.class, throttle.decide(measured(9, 120, 100_000)));
  }

  private static final ConvergencePolicy THROTTLE =
      new ConvergencePolicy(
          OPTIONS
              .withMaxRounds(Integer.MAX_VALUE)
              .withTimeout(Duration.ofSeconds(60), OnTimeout.THROTTLE));

  /** 244,140 pages a second are sent. */
  private static int throttled(int withoutGain, long dirtyPagesPerSecond, int percent) {
    Measured measured =
        new Measured(
            9,
            withoutGain,
            1_000_000_000,
            100_000,
            1_000_000_000,
            dirtyPagesPerSecond,
            5_000_000,
            percent);
    return assertInstanceOf(Decision.AnotherRound.class, THROTTLE.decide(measured))
        .throttlePercent();
  }

  @Test
  void throttlesBeforeTimeIsOverWhenNothingIsGainedOtherwise() {
    assertEquals(0, throttled(2, 300_000, 0));
    assertEquals(59, throttled(3, 300_000, 0));
    ConvergencePolicy abort = new ConvergencePolicy(OPTIONS);
    assertEquals(
        new Decision.AnotherRound(0),
        abort.decide(
            new Measured(5, 4, 1_000_000_000, 100_000, 1_000_000_000, 300_000, 5_000_000, 0)));
  }

  @Test
  void throttlesNoMoreThanIsNeeded() {
    assertEquals(59, throttled(0, 200_000, 33), "too fast still");
    assertEquals(33, throttled(0, 120_000, 33), "half as fast as the link");
    assertEquals(55, throttled(3, 120_000, 33), "and yet it gains nothing");
    assertEquals(33, throttled(3, 150_000, 0), "at least a third of what is left");
    assertEquals(66, throttled(3, 100_000_000, 0), "at most two thirds: it may be a bad moment");
    assertEquals(77, throttled(0, 100_000_000, 33), "of what is left");
  }

  /** 1 GB/s; 45 ms of 50 are left for pages. */
  private long patience(long dirtyPages, long dirtyPagesPerSecond) {
    return policy.quietPatienceNanos(
        new Measured(
            3, 0, 1_000_000_000, dirtyPages, 1_000_000_000, dirtyPagesPerSecond, 5_000_000, 0));
  }

  @Test
  void waitsForAQuietMomentAsLongAsThatCostsLittle() {
    assertEquals(20_000_000, patience(0, 0));
    assertEquals(20_000_000, patience(0, 1_000));
    assertEquals(5, patience(0, 24_400) / 1_000_000, "a tenth of the link: half a millisecond");
    assertEquals(1, patience(10_937, 24_400) / 1_000_000, "0.2 ms are left: half of that");
    assertEquals(0, patience(11_000, 24_414), "nothing is left");
    assertEquals(0, patience(11_000, 0), "the pause is too long, whatever it takes");
  }

  /** 1 GB/s and 2,000 pages dirtied a second, unless said otherwise. */
  private boolean pays(int rounds, int withoutGain, long dirtyPages, long dirtyPagesPerSecond) {
    return policy.anotherRoundPays(
        new Measured(
            rounds,
            withoutGain,
            1_000_000_000,
            dirtyPages,
            1_000_000_000,
            dirtyPagesPerSecond,
            5_000_000,
            0));
  }

  @Test
  void goesOnForAnotherRoundThatMakesThePauseClearlyShorter() {
    assertTrue(pays(1, 0, 2_000, 2_000));
    assertFalse(pays(2, 0, 25, 2_000), "a tenth of a millisecond is left");
    assertFalse(pays(1, 0, 2_000, 150_000), "it would leave more than half of that");
    assertFalse(pays(4, 1, 2_000, 2_000), "what is left does not become less");
    assertFalse(pays(10, 0, 2_000, 2_000), "there may be no more rounds");
    assertFalse(
        policy.anotherRoundPays(new Measured(1, 0, 1, 2_000, 0, 2_000, 5_000_000, 0)),
        "the link's speed is not known");
  }

  @Test
  void doesNotThrottleForALinkThatIsSlowToAnswer() {
    Measured slow = new Measured(9, 5, 1_000_000_000, 10, 1_000_000_000, 100, 60_000_000, 0);
    assertEquals(new Decision.AnotherRound(0), THROTTLE.decide(slow));
  }
}
