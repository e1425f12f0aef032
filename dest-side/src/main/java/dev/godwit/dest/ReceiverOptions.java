package dev.godwit.dest;

import java.net.InetSocketAddress;
import java.time.Duration;

/**
 * Where a {@link Receiver} listens and how patient it is.
 *
 * @param listen the address; port 0 for any
 * @param producer this program, for people
 * @param silence without a sign of life for so long, a source counts as dead
 * @param commit for COMMIT, once the machine is complete
 * @param answers after a machine was complete and has been given up: how long the receiver still
 *     answers a source that may have sent COMMIT and asks what became of it
 */
public record ReceiverOptions(
    InetSocketAddress listen,
    String producer,
    Duration silence,
    Duration commit,
    Duration answers) {
  /** Returns what a user gets who decides nothing but the address. */
  public static ReceiverOptions at(InetSocketAddress listen, String producer) {
    return new ReceiverOptions(
        listen, producer, Duration.ofSeconds(4), Duration.ofSeconds(10), Duration.ofSeconds(10));
  }
}
