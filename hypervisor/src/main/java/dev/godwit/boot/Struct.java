package dev.godwit.boot;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A little-endian structure of fixed size that is being filled in: at given offsets, or one field
 * after the other.
 */
final class Struct {
  private final byte[] bytes;
  private final MemorySegment segment;
  private int position;

  Struct(int size) {
    this.bytes = new byte[size];
    this.segment = MemorySegment.ofArray(bytes);
  }

  /** Returns the bytes; not a copy. */
  byte[] bytes() {
    return bytes;
  }

  Struct put8(int at, int value) {
    bytes[at] = (byte) value;
    return this;
  }

  Struct put16(int at, int value) {
    segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, (short) value);
    return this;
  }

  Struct put32(int at, long value) {
    segment.set(ValueLayout.JAVA_INT_UNALIGNED, at, (int) value);
    return this;
  }

  Struct put64(int at, long value) {
    segment.set(ValueLayout.JAVA_LONG_UNALIGNED, at, value);
    return this;
  }

  Struct put(int at, byte[] source) {
    System.arraycopy(source, 0, bytes, at, source.length);
    return this;
  }

  Struct add8(int... values) {
    for (int value : values) {
      put8(advance(1), value);
    }
    return this;
  }

  Struct add16(int value) {
    return put16(advance(2), value);
  }

  Struct add32(long value) {
    return put32(advance(4), value);
  }

  Struct add64(long value) {
    return put64(advance(8), value);
  }

  Struct add(byte[] source) {
    return put(advance(source.length), source);
  }

  Struct add(String ascii) {
    return add(ascii.getBytes(US_ASCII));
  }

  private int advance(int size) {
    int at = position;
    position += size;
    return at;
  }
}
