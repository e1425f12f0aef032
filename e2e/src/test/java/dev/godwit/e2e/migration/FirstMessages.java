package dev.godwit.e2e.migration;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/**
 * Finds the first message of a call in what a source sends on a connection: the first DATA frame
 * after the HEADERS that name it (RFC 9113, 4.1). Calls are opened long before anything is said.
 * One thread.
 */
final class FirstMessages {
  private static final int PREFACE_BYTES = 24;
  private static final int HEADER_BYTES = 9;
  private static final int DATA = 0;
  private static final int HEADERS = 1;

  private final byte[] header = new byte[HEADER_BYTES];
  private final ByteArrayOutputStream headers = new ByteArrayOutputStream();
  private final Set<Integer> waiting = new HashSet<>();
  private int headerBytes;
  private long skip = PREFACE_BYTES;
  private boolean inHeaders;

  /**
   * Takes what comes next.
   *
   * @param path how the call's name is written in its headers, the first time on a connection
   * @return whether the first message of such a call begins in it
   */
  boolean beginIn(byte[] bytes, int length, String path) {
    boolean found = false;
    int at = 0;
    while (at < length) {
      if (skip > 0) {
        int count = (int) Math.min(skip, length - at);
        if (inHeaders) {
          headers.write(bytes, at, count);
        }
        at += count;
        skip -= count;
        if (skip == 0 && inHeaders) {
          inHeaders = false;
          if (headers.toString(StandardCharsets.ISO_8859_1).contains(path)) {
            waiting.add(stream());
          }
        }
      } else {
        header[headerBytes++] = bytes[at++];
        if (headerBytes == HEADER_BYTES) {
          headerBytes = 0;
          skip = (header[0] & 0xFF) << 16 | (header[1] & 0xFF) << 8 | header[2] & 0xFF;
          inHeaders = header[3] == HEADERS;
          headers.reset();
          found |= header[3] == DATA && waiting.remove(stream());
        }
      }
    }
    return found;
  }

  /** Returns the stream of the frame whose header was read last. */
  private int stream() {
    return (header[5] & 0x7F) << 24
        | (header[6] & 0xFF) << 16
        | (header[7] & 0xFF) << 8
        | header[8] & 0xFF;
  }
}
