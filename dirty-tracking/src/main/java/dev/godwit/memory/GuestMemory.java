package dev.godwit.memory;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A machine's RAM: host memory in which offset = guest physical address (gpa).
 *
 * <p>RAM lies below 3 GiB and, if there is more, from 4 GiB on; the hole between is the PCI and
 * APIC window. The whole gpa range is one reservation of host address space with the hole left
 * unmapped, so {@code hva = baseHva + gpa} holds everywhere. Accessors check that the range is RAM
 * and mark what they write; all DMA of devices goes through them. They may be called by any thread
 * while the memory is open.
 */
public final class GuestMemory implements AutoCloseable {
  /** Bytes a page. */
  public static final int PAGE_BYTES = 4096;

  /** log2 of {@link #PAGE_BYTES}. */
  public static final int PAGE_SHIFT = 12;

  /** First gpa of the hole: RAM below 4 GiB ends here at the latest. */
  public static final long HOLE_START_GPA = 0xC000_0000L;

  /** First gpa after the hole: the rest of the RAM starts here. */
  public static final long HOLE_END_GPA = 0x1_0000_0000L;

  /** What is given back at a time when there is time: a tenth of a millisecond's work or so. */
  private static final long SLICE_BYTES = 8L << 20;

  /** However much RAM there is, it is given back in no more slices. */
  private static final long MAX_SLICES = 256;

  private static final Duration BETWEEN_SLICES = Duration.ofMillis(2);

  private static final long MAX_RAM_BYTES = 1L << 42;

  private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

  /**
   * A contiguous piece of RAM.
   *
   * @param gpa its first byte
   * @param bytes its length, a multiple of the page size
   */
  public record Region(long gpa, long bytes) {}

  private final long ramBytes;
  private final long topGpa;
  private final List<Region> regions;
  private final boolean anonymous;
  private final long baseHva;
  private final long marksHva;
  private final long marksBytes;
  private final MemorySegment all;
  private final DirtyMap dirty;
  private volatile @Nullable WriteObserver observer;
  private boolean closed;

  private GuestMemory(long ramBytes, int fd, int mapFlags) {
    this.ramBytes = ramBytes;
    this.anonymous = (mapFlags & LinuxMemory.MAP_ANONYMOUS) != 0;
    this.regions = layout(ramBytes);
    this.topGpa = topGpa(ramBytes);
    this.baseHva =
        LinuxMemory.mmap(
            0,
            topGpa,
            LinuxMemory.PROT_NONE,
            LinuxMemory.MAP_PRIVATE | LinuxMemory.MAP_ANONYMOUS | LinuxMemory.MAP_NORESERVE,
            -1,
            0);
    this.marksBytes = ((topGpa >>> PAGE_SHIFT) + PAGE_BYTES - 1) & -PAGE_BYTES;
    try {
      for (Region region : regions) {
        LinuxMemory.mmap(
            baseHva + region.gpa,
            region.bytes,
            LinuxMemory.PROT_READ_WRITE,
            mapFlags | LinuxMemory.MAP_FIXED | LinuxMemory.MAP_NORESERVE,
            fd,
            region.gpa);
      }
      this.marksHva =
          LinuxMemory.mmap(
              0,
              marksBytes,
              LinuxMemory.PROT_READ_WRITE,
              LinuxMemory.MAP_PRIVATE | LinuxMemory.MAP_ANONYMOUS,
              -1,
              0);
    } catch (MemoryException e) {
      LinuxMemory.munmap(baseHva, topGpa);
      throw e;
    }
    this.all = MemorySegment.ofAddress(baseHva).reinterpret(topGpa);
    this.dirty = new DirtyMap(marksHva, topGpa >>> PAGE_SHIFT);
  }

  /**
   * Makes RAM, zeroed and clean: anonymous memory that asks for huge pages. The first touch of a
   * memfd's pages costs five to ten times as much, half a second of CPU time a GiB and more, which
   * a destination pays for every page that lands; and where tmpfs has no huge pages, as by default,
   * a memfd cannot have them. No host memory is used until it is touched.
   *
   * @param ramBytes a positive multiple of the page size
   */
  public static GuestMemory allocate(long ramBytes) {
    checkSize(ramBytes);
    GuestMemory memory =
        new GuestMemory(ramBytes, -1, LinuxMemory.MAP_PRIVATE | LinuxMemory.MAP_ANONYMOUS);
    for (Region region : memory.regions) {
      LinuxMemory.adviseHugePages(memory.baseHva + region.gpa, region.bytes);
    }
    return memory;
  }

  /**
   * Maps RAM from a file in which offset = gpa, privately: the file is read as pages are touched
   * and never written.
   *
   * @param ramBytes the RAM's size, as in {@link #allocate}
   */
  public static GuestMemory mapFile(Path file, long ramBytes) {
    checkSize(ramBytes);
    try {
      long fileBytes = Files.size(file);
      if (fileBytes != topGpa(ramBytes)) {
        throw new MemoryException(
            MemoryException.Code.BAD_FILE,
            file
                + " has "
                + fileBytes
                + " bytes; RAM of "
                + ramBytes
                + " bytes needs "
                + topGpa(ramBytes));
      }
    } catch (IOException e) {
      throw new MemoryException(
          MemoryException.Code.BAD_FILE, file + " cannot be read: " + e.getMessage());
    }
    int fd = LinuxMemory.openReadOnly(file.toString());
    try {
      return new GuestMemory(ramBytes, fd, LinuxMemory.MAP_PRIVATE);
    } finally {
      LinuxMemory.close(fd);
    }
  }

  private static void checkSize(long ramBytes) {
    if (ramBytes <= 0 || ramBytes % PAGE_BYTES != 0 || ramBytes > MAX_RAM_BYTES) {
      throw new MemoryException(
          MemoryException.Code.BAD_SIZE,
          "RAM of " + ramBytes + " bytes: it must be a positive multiple of 4096, at most 4 TiB");
    }
  }

  /** Returns the gpa after the last byte of RAM of that size; also the length of a RAM file. */
  public static long topGpa(long ramBytes) {
    return ramBytes <= HOLE_START_GPA ? ramBytes : HOLE_END_GPA + (ramBytes - HOLE_START_GPA);
  }

  private static List<Region> layout(long ramBytes) {
    List<Region> list = new ArrayList<>(2);
    list.add(new Region(0, Math.min(ramBytes, HOLE_START_GPA)));
    if (ramBytes > HOLE_START_GPA) {
      list.add(new Region(HOLE_END_GPA, ramBytes - HOLE_START_GPA));
    }
    return List.copyOf(list);
  }

  /** Returns the RAM's size in bytes, without the hole. */
  public long ramBytes() {
    return ramBytes;
  }

  /** Returns the gpa after the last byte of RAM. */
  public long topGpa() {
    return topGpa;
  }

  /** Returns how many gfns a {@link PageSet} of this RAM ranges over, the hole included. */
  public long framePages() {
    return topGpa >>> PAGE_SHIFT;
  }

  /** Returns the pieces of RAM, ascending. */
  public List<Region> regions() {
    return regions;
  }

  /** Returns a set with every page of RAM in it. */
  public PageSet allPages() {
    PageSet pages = new PageSet(framePages());
    for (Region region : regions) {
      pages.addRange(region.gpa >>> PAGE_SHIFT, region.bytes >>> PAGE_SHIFT);
    }
    return pages;
  }

  /**
   * Returns pages that nobody has touched yet, so that they are zero at this moment; perhaps not
   * all of them, and none where RAM comes from a file or the host does not tell. Costs a hundredth
   * of looking at their contents, and leaves them untouched.
   */
  public PageSet untouchedPages() {
    PageSet pages = new PageSet(framePages());
    if (anonymous) {
      try {
        for (Region region : regions) {
          PageMap.addUntouched(
              baseHva + region.gpa, region.bytes >>> PAGE_SHIFT, region.gpa >>> PAGE_SHIFT, pages);
        }
      } catch (IOException e) {
        pages.clear();
      }
    }
    return pages;
  }

  /** Returns the hva of gpa 0, for engines; see {@link HostMemory} for who may. */
  public long baseHva() {
    return baseHva;
  }

  /** Returns the marks of written pages. */
  public DirtyMap dirty() {
    return dirty;
  }

  /** Says whether {@code bytes} ≥ 1 bytes from {@code gpa} on are all RAM. */
  public boolean isRam(long gpa, long bytes) {
    long end = gpa + bytes;
    return gpa >= 0
        && bytes > 0
        && end > 0
        && end <= topGpa
        && (end <= Math.min(ramBytes, HOLE_START_GPA) || gpa >= HOLE_END_GPA);
  }

  private void requireRam(long gpa, long bytes) {
    if (!isRam(gpa, bytes)) {
      throw new MemoryException(
          MemoryException.Code.NOT_RAM,
          "guest physical range 0x%x + %d bytes is not RAM".formatted(gpa, bytes));
    }
  }

  /** Returns a read-only view of a range of RAM; its offset 0 is {@code gpa}. */
  public MemorySegment view(long gpa, long bytes) {
    requireRam(gpa, bytes);
    return all.asSlice(gpa, bytes).asReadOnly();
  }

  /** Reads one unsigned byte. */
  public int read8(long gpa) {
    requireRam(gpa, 1);
    return all.get(ValueLayout.JAVA_BYTE, gpa) & 0xFF;
  }

  /** Reads an unsigned little-endian 16-bit value. */
  public int read16(long gpa) {
    requireRam(gpa, 2);
    return all.get(SHORT, gpa) & 0xFFFF;
  }

  /** Reads a little-endian 32-bit value. */
  public int read32(long gpa) {
    requireRam(gpa, 4);
    return all.get(INT, gpa);
  }

  /** Reads a little-endian 64-bit value. */
  public long read64(long gpa) {
    requireRam(gpa, 8);
    return all.get(LONG, gpa);
  }

  /** Writes one byte. */
  public void write8(long gpa, int value) {
    requireRam(gpa, 1);
    all.set(ValueLayout.JAVA_BYTE, gpa, (byte) value);
    marked(gpa, 1);
  }

  /** Writes a little-endian 16-bit value. */
  public void write16(long gpa, int value) {
    requireRam(gpa, 2);
    all.set(SHORT, gpa, (short) value);
    marked(gpa, 2);
  }

  /** Writes a little-endian 32-bit value. */
  public void write32(long gpa, int value) {
    requireRam(gpa, 4);
    all.set(INT, gpa, value);
    marked(gpa, 4);
  }

  /** Writes a little-endian 64-bit value. */
  public void write64(long gpa, long value) {
    requireRam(gpa, 8);
    all.set(LONG, gpa, value);
    marked(gpa, 8);
  }

  /** Copies all of {@code source} to RAM at {@code gpa}. */
  public void copyIn(long gpa, MemorySegment source) {
    long bytes = source.byteSize();
    if (bytes == 0) {
      return;
    }
    requireRam(gpa, bytes);
    MemorySegment.copy(source, 0, all, gpa, bytes);
    marked(gpa, bytes);
  }

  /** Copies an array to RAM at {@code gpa}. */
  public void copyIn(long gpa, byte[] source) {
    copyIn(gpa, MemorySegment.ofArray(source));
  }

  /** Fills all of {@code target} from RAM at {@code gpa}. */
  public void copyOut(long gpa, MemorySegment target) {
    if (target.byteSize() == 0) {
      return;
    }
    requireRam(gpa, target.byteSize());
    MemorySegment.copy(all, gpa, target, 0, target.byteSize());
  }

  /** Sets a range to zero. */
  public void zero(long gpa, long bytes) {
    requireRam(gpa, bytes);
    all.asSlice(gpa, bytes).fill((byte) 0);
    marked(gpa, bytes);
  }

  private void marked(long gpa, long bytes) {
    long first = gpa >>> PAGE_SHIFT;
    long last = (gpa + bytes - 1) >>> PAGE_SHIFT;
    for (long gfn = first; gfn <= last; gfn++) {
      DirtyMap.markAt(marksHva + gfn);
    }
    WriteObserver told = observer;
    if (told != null) {
      told.written(first, last);
    }
  }

  /**
   * Learns of every write that goes through the accessors: what devices write, not what vCPUs do.
   */
  @FunctionalInterface
  public interface WriteObserver {
    /** Called after the data was stored, on the writer's thread; must not block. */
    void written(long firstGfn, long lastGfn);
  }

  /** Sets the one observer, of an engine that keeps guest code in another form; null for none. */
  public void observeWrites(@Nullable WriteObserver newObserver) {
    observer = newObserver;
  }

  /**
   * Gives all of the RAM back to the host, which takes some milliseconds of a CPU a GiB, in slices
   * with pauses between them: half a second at most. Its contents are lost. No thread may be in it;
   * {@link #close} is still needed. One that is interrupted does it without pauses.
   */
  public synchronized void giveBackSlowly() {
    if (closed) {
      return;
    }
    long slice = Math.max(SLICE_BYTES, ramBytes / MAX_SLICES / PAGE_BYTES * PAGE_BYTES);
    for (Region region : regions) {
      for (long done = 0; done < region.bytes; done += slice) {
        LinuxMemory.discard(baseHva + region.gpa + done, Math.min(slice, region.bytes - done));
        try {
          Thread.sleep(BETWEEN_SLICES);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
        }
      }
    }
  }

  /** Unmaps the RAM. No thread may be in it or enter it afterwards; closing twice does nothing. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      LinuxMemory.munmap(baseHva, topGpa);
      LinuxMemory.munmap(marksHva, marksBytes);
    }
  }
}
