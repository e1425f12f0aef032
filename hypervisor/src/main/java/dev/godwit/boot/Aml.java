package dev.godwit.boot;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;

/**
 * The few words of ACPI Machine Language that the DSDT is made of (ACPI 6.5 chapter 20). Each
 * method returns the encoded object; an object's parts are given encoded.
 */
final class Aml {
  private static final int NAME_OP = 0x08;
  private static final int BYTE_PREFIX = 0x0A;
  private static final int WORD_PREFIX = 0x0B;
  private static final int DWORD_PREFIX = 0x0C;
  private static final int STRING_PREFIX = 0x0D;
  private static final int SCOPE_OP = 0x10;
  private static final int BUFFER_OP = 0x11;
  private static final int PACKAGE_OP = 0x12;
  private static final int DUAL_NAME_PREFIX = 0x2E;
  private static final int ROOT_CHAR = '\\';
  private static final int EXTENDED_OP = 0x5B;
  private static final int DEVICE_OP = 0x82;

  private Aml() {}

  static byte[] scope(String path, byte[]... terms) {
    return join(of(SCOPE_OP), sized(join(path(path), join(terms))));
  }

  static byte[] device(String name, byte[]... terms) {
    return join(of(EXTENDED_OP, DEVICE_OP), sized(join(path(name), join(terms))));
  }

  static byte[] name(String name, byte[] object) {
    return join(of(NAME_OP), path(name), object);
  }

  /** Encodes an unsigned 32-bit number as short as it goes. */
  static byte[] integer(long value) {
    if (value < 0 || value > 0xFFFF_FFFFL) {
      throw new IllegalArgumentException("integer " + value);
    }
    if (value <= 1) {
      return of((int) value);
    }
    if (value <= 0xFF) {
      return of(BYTE_PREFIX, (int) value);
    }
    return value <= 0xFFFF
        ? join(of(WORD_PREFIX), littleEndian(value, 2))
        : join(of(DWORD_PREFIX), littleEndian(value, 4));
  }

  static byte[] string(String text) {
    return join(of(STRING_PREFIX), text.getBytes(US_ASCII), of(0));
  }

  static byte[] array(byte[]... elements) {
    if (elements.length > 0xFF) {
      throw new IllegalArgumentException(elements.length + " elements need a VarPackage");
    }
    return join(of(PACKAGE_OP), sized(join(of(elements.length), join(elements))));
  }

  /**
   * Encodes a device's hardware id such as PNP0501 as the number that it stands for (ACPI 6.5
   * §19.3.4, EISAID): three letters of five bits and four hexadecimal digits, big-endian.
   */
  static byte[] eisaId(String id) {
    int letters = (id.charAt(0) - 0x40) << 10 | (id.charAt(1) - 0x40) << 5 | (id.charAt(2) - 0x40);
    int bigEndian = letters << 16 | Integer.parseInt(id.substring(3), 16);
    return join(
        of(DWORD_PREFIX), littleEndian(Integer.toUnsignedLong(Integer.reverseBytes(bigEndian)), 4));
  }

  /** Encodes a buffer of resource descriptors, as {@code _CRS} returns it (ACPI 6.5 §6.4). */
  static byte[] resources(byte[]... descriptors) {
    byte[] endTag = of(0x79, 0);
    byte[] bytes = join(join(descriptors), endTag);
    return join(of(BUFFER_OP), sized(join(integer(bytes.length), bytes)));
  }

  /** Describes fixed I/O ports, decoded with all 16 bits. */
  static byte[] ports(int first, int count) {
    return join(of(0x47, 1), littleEndian(first, 2), littleEndian(first, 2), of(1, count));
  }

  /** Describes an ISA interrupt: edge-triggered, high, not shared. */
  static byte[] interrupt(int irq) {
    return join(of(0x22), littleEndian(1L << irq, 2));
  }

  /** Describes fixed 32-bit memory that may be written. */
  static byte[] memory(long gpa, long bytes) {
    return join(of(0x86, 9, 0, 1), littleEndian(gpa, 4), littleEndian(bytes, 4));
  }

  /** Describes the bus numbers that a bridge passes on. */
  static byte[] busWindow(int first, int last) {
    return join(of(0x88, 0x0D, 0, 2, 0x0C, 0), window(first, last, 2));
  }

  /** Describes I/O ports that a bridge passes on. */
  static byte[] portWindow(int first, int last) {
    return join(of(0x88, 0x0D, 0, 1, 0x0C, 3), window(first, last, 2));
  }

  /** Describes 32-bit memory that a bridge passes on: not cacheable, may be written. */
  static byte[] memoryWindow(long first, long last) {
    return join(of(0x87, 0x17, 0, 0, 0x0C, 1), window(first, last, 4));
  }

  /** Granularity, minimum, maximum, translation offset, length. */
  private static byte[] window(long first, long last, int width) {
    return join(
        littleEndian(0, width),
        littleEndian(first, width),
        littleEndian(last, width),
        littleEndian(0, width),
        littleEndian(last - first + 1, width));
  }

  /**
   * Encodes {@code \_SB_}, {@code \}, {@code NAME} or {@code \ONE_.TWO_}; every segment has four
   * characters.
   */
  private static byte[] path(String path) {
    String relative = path.startsWith("\\") ? path.substring(1) : path;
    byte[] root = relative.equals(path) ? of() : of(ROOT_CHAR);
    String[] segments = relative.isEmpty() ? new String[0] : relative.split("\\.");
    byte[] prefix =
        switch (segments.length) {
          case 0 -> of(0);
          case 1 -> of();
          case 2 -> of(DUAL_NAME_PREFIX);
          default -> throw new IllegalArgumentException(path + " has more than two segments");
        };
    byte[] bytes = join(root, prefix);
    for (String segment : segments) {
      if (segment.length() != 4) {
        throw new IllegalArgumentException(path + " has a segment that is not four characters");
      }
      bytes = join(bytes, segment.getBytes(US_ASCII));
    }
    return bytes;
  }

  /** Puts a package length in front, which counts itself (ACPI 6.5 §20.2.4). */
  private static byte[] sized(byte[] body) {
    if (body.length + 1 < 1 << 6) {
      return join(of(body.length + 1), body);
    }
    int extra = body.length + 2 < 1 << 12 ? 1 : 2;
    int total = body.length + 1 + extra;
    if (total >= 1 << 20) {
      throw new IllegalArgumentException("package of " + total + " bytes");
    }
    return join(of(extra << 6 | total & 0xF), littleEndian(total >> 4, extra), body);
  }

  private static byte[] littleEndian(long value, int bytes) {
    byte[] out = new byte[bytes];
    for (int i = 0; i < bytes; i++) {
      out[i] = (byte) (value >>> (8 * i));
    }
    return out;
  }

  private static byte[] of(int... values) {
    byte[] out = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      out[i] = (byte) values[i];
    }
    return out;
  }

  static byte[] join(byte[]... pieces) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] piece : pieces) {
      out.writeBytes(piece);
    }
    return out.toByteArray();
  }
}
