package dev.godwit.cli.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class HeartbeatsTest {
  private static final String BOOT = "4bf521c5-c079-4792-838c-95066618bfd7";
  private static final String OTHER = "11111111-c079-4792-838c-95066618bfd7";

  private static String beat(long number, String bootId) {
    return "HB " + number + " boot=" + bootId + " up=" + number * 100_000_000 + " rt=1795\r\n";
  }

  private static Heartbeats.Verdict judge(String... lines) {
    return Heartbeats.judge(Heartbeats.parse(String.join("", lines)));
  }

  @Test
  void findsBeatsBetweenPromptsAndOtherLines() {
    List<Heartbeats.Beat> beats =
        Heartbeats.parse("~ # " + beat(0, BOOT) + "echo\r\n42\r\n" + beat(1, BOOT));
    assertEquals(
        List.of(new Heartbeats.Beat(0, BOOT, 0), new Heartbeats.Beat(1, BOOT, 100_000_000)), beats);
  }

  @Test
  void aBeatThatIsHalfThereIsNoneYet() {
    String line = beat(7, BOOT);
    for (int cut = 1; cut < line.length(); cut++) {
      assertEquals(List.of(), Heartbeats.parse(line.substring(0, cut)));
    }
    assertEquals(1, Heartbeats.parse(line).size());
  }

  @Test
  void anEchoBeforeTheLineEndHidesNoBeat() {
    String echoed = beat(3, BOOT).replace("\r\n", "e\r\n");
    assertEquals(3, Heartbeats.parse(echoed).getFirst().number());
  }

  @Test
  void aWholeSequenceHolds() {
    Heartbeats.Verdict verdict = judge(beat(0, BOOT), beat(1, BOOT), beat(2, BOOT));
    assertTrue(verdict.isWhole());
    assertEquals(100, verdict.longestGapMillis());
  }

  @Test
  void aMissingBeatIsFound() {
    assertEquals(1, judge(beat(0, BOOT), beat(2, BOOT)).missing());
    assertFalse(judge(beat(0, BOOT), beat(2, BOOT)).isWhole());
    assertEquals(3, judge(beat(3, BOOT), beat(4, BOOT)).missing());
  }

  @Test
  void aRepeatedBeatIsFound() {
    Heartbeats.Verdict verdict = judge(beat(0, BOOT), beat(1, BOOT), beat(1, BOOT));
    assertEquals(1, verdict.repeated());
    assertFalse(verdict.isWhole());
    assertFalse(judge(beat(0, BOOT), beat(1, BOOT), beat(0, BOOT), beat(1, BOOT)).isWhole());
  }

  @Test
  void anotherBootIsFound() {
    Heartbeats.Verdict verdict = judge(beat(0, BOOT), beat(1, OTHER));
    assertEquals(2, verdict.bootIds());
    assertFalse(verdict.isWhole());
  }

  @Test
  void nothingAtAllIsNotWhole() {
    assertFalse(judge().isWhole());
  }
}
