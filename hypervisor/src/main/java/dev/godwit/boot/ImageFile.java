package dev.godwit.boot;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * A file, or what was found inside one, whose every access is checked against its length.
 *
 * @param name how messages name it
 * @param bytes the content
 */
record ImageFile(String name, MemorySegment bytes) {
  /** Maps a file for as long as {@code arena} lives. */
  static ImageFile map(Path path, Arena arena) {
    try (FileChannel channel = FileChannel.open(path)) {
      return new ImageFile(
          path.toString(), channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena));
    } catch (NoSuchFileException e) {
      throw new BootException(
          BootException.Code.UNREADABLE_FILE, "there is no file " + path + " to boot", e);
    } catch (IOException e) {
      throw new BootException(
          BootException.Code.UNREADABLE_FILE, path + " cannot be read: " + e.getMessage(), e);
    }
  }

  long size() {
    return bytes.byteSize();
  }

  int u8(long at) {
    return slice(at, 1).get(ValueLayout.JAVA_BYTE, 0) & 0xFF;
  }

  int u16(long at) {
    return slice(at, 2).get(ValueLayout.JAVA_SHORT_UNALIGNED, 0) & 0xFFFF;
  }

  long u32(long at) {
    return slice(at, 4).get(ValueLayout.JAVA_INT_UNALIGNED, 0) & 0xFFFF_FFFFL;
  }

  long u64(long at) {
    return slice(at, 8).get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
  }

  /** Returns a range of it; whoever asks got the numbers from the file. */
  MemorySegment slice(long at, long length) {
    if (at < 0 || length < 0 || at > size() - length) {
      throw new BootException(
          BootException.Code.CORRUPT_KERNEL,
          "%s is cut short or damaged: it has %d bytes where %d more are wanted at offset %s"
              .formatted(name, size(), length, Long.toUnsignedString(at)));
    }
    return bytes.asSlice(at, length);
  }
}
