package dev.godwit.snapshot.file;

import dev.godwit.memory.GuestMemory;
import dev.godwit.memory.PageSet;
import dev.godwit.snapshot.SnapshotException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The RAM files of a snapshot and of those it builds on, the full one first: a page is that of the
 * last file that has it. Any thread reads.
 */
final class RamLayers implements AutoCloseable {
  private static final int PIECE_PAGES = 64;

  private final List<Layer> layers;

  /**
   * One file.
   *
   * @param own the pages that it has; null for all of them
   */
  record Layer(Path file, FileChannel channel, @Nullable PageSet own) {
    void read(long offset, ByteBuffer into) throws IOException {
      int start = into.position();
      while (into.hasRemaining()) {
        if (channel.read(into, offset + into.position() - start) < 0) {
          throw new SnapshotException(
              SnapshotException.Code.TRUNCATED, file + " was cut off while it was read");
        }
      }
    }
  }

  /** A file that is to be read, and which pages it has. */
  record Part(Path file, @Nullable PageSet own) {}

  private RamLayers(List<Layer> layers) {
    this.layers = layers;
  }

  /**
   * Opens the files.
   *
   * @throws SnapshotException {@code HOST_IO}
   */
  static RamLayers open(List<Part> parts) {
    List<Layer> opened = new ArrayList<>();
    RamLayers layers = new RamLayers(opened);
    for (Part part : parts) {
      try {
        opened.add(new Layer(part.file(), FileChannel.open(part.file()), part.own()));
      } catch (IOException e) {
        layers.close();
        throw SnapshotIo.cannotRead(part.file(), e);
      }
    }
    return layers;
  }

  /** Fills a buffer from its position on with whole pages, the first of them {@code gfn}. */
  void read(long gfn, ByteBuffer into) throws IOException {
    int start = into.position();
    long end = gfn + into.remaining() / GuestMemory.PAGE_BYTES;
    for (Layer layer : layers) {
      PageSet own = layer.own();
      if (own == null) {
        layer.read(gfn << GuestMemory.PAGE_SHIFT, into.position(start));
        continue;
      }
      for (long first = own.next(gfn, end); first >= 0; first = own.next(first, end)) {
        long stop = own.nextAbsent(first, end);
        ByteBuffer piece =
            into.slice(
                start + (int) ((first - gfn) << GuestMemory.PAGE_SHIFT),
                (int) ((stop - first) << GuestMemory.PAGE_SHIFT));
        layer.read(first << GuestMemory.PAGE_SHIFT, piece);
        first = stop;
      }
    }
    into.position(into.limit());
  }

  /** Returns the file that a page is read from. */
  Path fileOf(long gfn) {
    Path file = layers.getFirst().file();
    for (Layer layer : layers) {
      PageSet own = layer.own();
      if (own == null || own.contains(gfn)) {
        file = layer.file();
      }
    }
    return file;
  }

  /** Copies what later files have over RAM that has been mapped from the full one. */
  void copyLaterInto(GuestMemory memory) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocateDirect(PIECE_PAGES * GuestMemory.PAGE_BYTES);
    for (Layer layer : layers) {
      PageSet own = layer.own();
      if (own == null) {
        continue;
      }
      for (long first = own.next(0); first >= 0; ) {
        long stop = own.nextAbsent(first, first + PIECE_PAGES);
        buffer.clear().limit((int) ((stop - first) << GuestMemory.PAGE_SHIFT));
        layer.read(first << GuestMemory.PAGE_SHIFT, buffer);
        memory.copyIn(first << GuestMemory.PAGE_SHIFT, MemorySegment.ofBuffer(buffer.flip()));
        first = stop < own.capacityPages() ? own.next(stop) : -1;
      }
    }
  }

  @Override
  public void close() {
    for (Layer layer : layers) {
      try {
        layer.channel().close();
      } catch (IOException e) {
        // It was only read.
      }
    }
  }
}
