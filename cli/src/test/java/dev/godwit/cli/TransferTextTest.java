package dev.godwit.cli;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.control.TransferEvent;
import dev.godwit.control.TransferEvent.Kind;
import dev.godwit.control.TransferEvent.Phase;
import dev.godwit.control.TransferEvent.Saved;
import org.junit.jupiter.api.Test;

class TransferTextTest {
  private static TransferEvent precopy(Saved saved) {
    return new TransferEvent(
        Kind.MIGRATE,
        "there:7070",
        Phase.PRECOPY,
        3,
        1000,
        10,
        4_096_000,
        77,
        1e8,
        500,
        0,
        12,
        900,
        null,
        "",
        "",
        0,
        saved);
  }

  @Test
  void aLineOfProgressTellsWhatDifferencesHaveSaved() {
    String line = TransferText.line(precopy(new Saved(600, 3 << 20, 5, 20_480)));
    assertTrue(line.contains("round 3 "), line);
    assertTrue(line.contains("  saved 3 MiB"), line);
    String without = TransferText.line(precopy(new Saved(0, 0, 5, 20_480)));
    assertFalse(without.contains("saved"), without);
  }
}
