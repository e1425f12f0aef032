package dev.godwit.e2e.oracle;

import java.nio.ByteBuffer;

/**
 * What a machine left after a batch.
 *
 * @param records the results, {@link RunnerImage#RECORD_BYTES} each, little-endian
 * @param completed how many cases have one
 * @param end how the run ended, for people: "finished" or what went wrong in the case after the
 *     last completed one
 */
record BatchResult(ByteBuffer records, int completed, String end) {
  static final String FINISHED = "finished";

  /** How a run ended whose next case has not, in a time in which thousands do. */
  static final String ENDLESS = "did not end in time";
}
