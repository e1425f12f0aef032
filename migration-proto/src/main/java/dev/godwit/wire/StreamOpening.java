package dev.godwit.wire;

import java.util.Arrays;
import java.util.HexFormat;

/**
 * What opens a stream of pages.
 *
 * @param token of the migration
 * @param stream which of the streams, 0 … streams-1
 * @param streams among how many each round is divided, 1 … {@link #MAX_STREAMS}
 * @param attempt 1, 2, 3 … for each connection that carries this stream; 0 if it is the only one
 */
public record StreamOpening(byte[] token, int stream, int streams, int attempt) {
  /** More of them would be more threads than a link of 100 Gbit/s needs. */
  public static final int MAX_STREAMS = 16;

  /** Checks the ranges. */
  public StreamOpening {
    if (streams < 1 || streams > MAX_STREAMS || stream < 0 || stream >= streams || attempt < 0) {
      throw new WireException(
          PeerError.Code.PROTOCOL,
          "stream %s of %s of pages, attempt %s, makes no sense"
              .formatted(
                  Integer.toUnsignedString(stream),
                  Integer.toUnsignedString(streams),
                  Integer.toUnsignedString(attempt)));
    }
    token = token.clone();
  }

  @Override
  public byte[] token() {
    return token.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof StreamOpening that
        && Arrays.equals(token, that.token)
        && stream == that.stream
        && streams == that.streams
        && attempt == that.attempt;
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(token) * 31 + stream;
  }

  @Override
  public String toString() {
    return "stream %d of %d of migration %s, attempt %d"
        .formatted(stream, streams, HexFormat.of().formatHex(token), attempt);
  }
}
