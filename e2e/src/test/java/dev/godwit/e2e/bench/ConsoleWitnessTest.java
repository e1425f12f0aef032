package dev.godwit.e2e.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.e2e.bench.ConsoleWitness.Beat;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A gap that is measured wrongly would be believed. */
class ConsoleWitnessTest {
  private static final long MILLI = 1_000_000;

  @Test
  void seesAHeartbeatThatAMigrationCutInTwo() throws Exception {
    ConsoleWitness witness = new ConsoleWitness();
    PipedOutputStream source = new PipedOutputStream();
    PipedOutputStream destination = new PipedOutputStream();
    witness.follow(new PipedInputStream(source));
    write(source, beat(0) + beat(1).substring(0, 9));
    witness.await("HB 1", 10);
    witness.follow(new PipedInputStream(destination));
    write(destination, beat(1).substring(9) + beat(2));
    witness.await("HB 2", 10);

    assertEquals(List.of(0L, 1L, 2L), witness.beats().stream().map(Beat::number).toList());
    assertEquals(0, ConsoleWitness.damage(witness.beats()));
  }

  @Test
  void countsHeartbeatsThatAreLostOrDoubled() {
    assertEquals(2, ConsoleWitness.damage(List.of(new Beat(1, 0), new Beat(4, 0))));
    assertEquals(1, ConsoleWitness.damage(List.of(new Beat(1, 0), new Beat(1, 0))));
  }

  @Test
  void findsTheGapThatReachesOutOfTheWindowOnBothSides() {
    List<Beat> beats = List.of(new Beat(0, 0), new Beat(1, 90 * MILLI), new Beat(2, 95 * MILLI));

    assertEquals(90, ConsoleWitness.largestGapMillis(beats, 30 * MILLI, 40 * MILLI));
    assertEquals(5, ConsoleWitness.largestGapMillis(beats, 91 * MILLI, 92 * MILLI));
  }

  @Test
  void stampsAHeartbeatWhenItComesAndNotWhenItIsLookedAt() throws Exception {
    ConsoleWitness witness = new ConsoleWitness();
    PipedOutputStream source = new PipedOutputStream();
    witness.follow(new PipedInputStream(source));
    long before = System.nanoTime();
    write(source, beat(0));
    witness.await("HB 0", 10);
    long after = System.nanoTime();
    Thread.sleep(20);

    long seen = witness.beats().getFirst().seenNanos();
    assertTrue(seen - before >= 0 && after - seen >= 0, before + " " + seen + " " + after);
  }

  private static String beat(int number) {
    return "HB " + number + " boot=01ab-cd up=" + number + "000 rt=17000\r\n";
  }

  private static void write(PipedOutputStream to, String text) throws IOException {
    to.write(text.getBytes(StandardCharsets.ISO_8859_1));
    to.flush();
  }
}
