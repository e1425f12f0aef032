package dev.godwit.source;

import dev.godwit.wire.StreamOpening;
import java.time.Duration;

/**
 * How patient a {@link NetworkSink} is.
 *
 * @param connect for a connection
 * @param preflight for the destination's decision whether it takes the machine, which it may build
 *     on a slow host meanwhile; it has to give signs of life all the time
 * @param heartbeat how often it asks for a sign of life
 * @param silence without a sign of life for so long, the destination counts as dead
 * @param prepare for restoring the sections, and the digest of RAM if that is taken
 * @param commit for an answer to COMMIT, then to each question
 * @param goodbye for a last word that nothing depends on
 * @param streams how many connections for pages it makes, 1 … {@link StreamOpening#MAX_STREAMS};
 *     the destination may take fewer
 */
public record NetworkSinkOptions(
    Duration connect,
    Duration preflight,
    Duration heartbeat,
    Duration silence,
    Duration prepare,
    Duration commit,
    Duration goodbye,
    int streams) {
  /** A dead destination is noticed in less than 5 s. */
  public static final NetworkSinkOptions DEFAULT =
      new NetworkSinkOptions(
          Duration.ofSeconds(5),
          Duration.ofSeconds(60),
          Duration.ofMillis(500),
          Duration.ofMillis(3500),
          Duration.ofSeconds(30),
          Duration.ofMillis(2500),
          Duration.ofSeconds(1),
          1);

  /** Checks the number of streams. */
  public NetworkSinkOptions {
    if (streams < 1 || streams > StreamOpening.MAX_STREAMS) {
      throw new IllegalArgumentException("streams: " + streams);
    }
  }

  /** Returns the same, asking for signs of life that often. */
  public NetworkSinkOptions withHeartbeat(Duration value) {
    return new NetworkSinkOptions(
        connect, preflight, value, silence, prepare, commit, goodbye, streams);
  }

  /** Returns the same with another number of streams. */
  public NetworkSinkOptions withStreams(int value) {
    return new NetworkSinkOptions(
        connect, preflight, heartbeat, silence, prepare, commit, goodbye, value);
  }
}
