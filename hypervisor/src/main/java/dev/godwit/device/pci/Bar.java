package dev.godwit.device.pci;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.MmioHandler;
import dev.godwit.bus.PortHandler;
import dev.godwit.device.DeviceBus;
import dev.godwit.memory.GuestMemory;

/**
 * A base address register: a window of a function into ports or memory, which the guest places (PCI
 * 3.0 §6.2.5).
 */
final class Bar {
  /** What a BAR is a window into. */
  enum Kind {
    IO(0x1, 1),
    MEMORY_32(0x0, 1),
    MEMORY_64(0x4, 2);

    /** The register's low bits, which say what it is. */
    final int flags;

    /** How many 32-bit registers it takes. */
    final int registers;

    Kind(int flags, int registers) {
      this.flags = flags;
      this.registers = registers;
    }
  }

  /** Where a BAR answers when it does not. */
  static final long NOWHERE = -1;

  private final String owner;
  private final int index;
  private final Kind kind;
  private final long bytes;
  private final BarHandler handler;

  /** Where the guest wants it, and where it is. Guarded by the decoder. */
  private long wanted = NOWHERE;

  private long mapped = NOWHERE;

  Bar(String owner, int index, Kind kind, long bytes, BarHandler handler) {
    long least = kind == Kind.IO ? 4 : 4096;
    long most = kind == Kind.IO ? 256 : 1L << 30;
    if (Long.bitCount(bytes) != 1 || bytes < least || bytes > most || index + kind.registers > 6) {
      throw new IllegalArgumentException(owner + " BAR " + index + " of " + bytes + " bytes");
    }
    this.owner = owner + " BAR " + index;
    this.index = index;
    this.kind = kind;
    this.bytes = bytes;
    this.handler = handler;
  }

  void declare(ConfigSpace config) {
    int offset = ConfigSpace.BARS + 4 * index;
    config.declare(offset, 4 * kind.registers, kind.flags, -bytes);
  }

  /**
   * Returns where the registers place it, or {@link #NOWHERE} if it is disabled or placed where no
   * PCI window is.
   */
  long placed(ConfigSpace config) {
    long command = config.read(ConfigSpace.COMMAND, 2);
    long register = config.read(ConfigSpace.BARS + 4 * index, 4 * kind.registers);
    long base = register & -bytes;
    if (kind == Kind.IO) {
      boolean inWindow =
          base >= AddressMap.PCI_IO_WINDOW_PORT
              && base + bytes <= AddressMap.PCI_IO_WINDOW_END_PORT;
      return (command & ConfigSpace.COMMAND_IO) != 0 && inWindow ? base : NOWHERE;
    }
    boolean inWindow =
        base >= AddressMap.HOLE_GPA && base + bytes <= AddressMap.PCI_WINDOW_END_GPA
            || base >= GuestMemory.HOLE_END_GPA && base + bytes > 0;
    return (command & ConfigSpace.COMMAND_MEMORY) != 0 && inWindow ? base : NOWHERE;
  }

  long wanted() {
    return wanted;
  }

  void want(long base) {
    wanted = base;
  }

  /** Says whether both want addresses of the same kind that overlap. */
  boolean collidesWith(Bar other) {
    return (kind == Kind.IO) == (other.kind == Kind.IO)
        && wanted < other.wanted + other.bytes
        && other.wanted < wanted + bytes;
  }

  /** Stops answering unless it answers where it is wanted. */
  void unmapUnlessAt(long base, DeviceBus bus) {
    if (mapped != NOWHERE && mapped != base) {
      if (kind == Kind.IO) {
        bus.io().unmap((int) mapped, (int) bytes);
      } else {
        bus.mmio().unmap(mapped);
      }
      mapped = NOWHERE;
    }
  }

  /** Answers where it is wanted, unless another part of the board does. */
  void mapAt(long base, DeviceBus bus) {
    if (mapped == base || base == NOWHERE) {
      return;
    }
    boolean free =
        kind == Kind.IO
            ? bus.io().tryMap((int) base, (int) bytes, owner, new Ports((int) base)).isEmpty()
            : bus.mmio().tryMap(base, bytes, owner, new Memory()).isEmpty();
    if (free) {
      mapped = base;
    }
  }

  /**
   * An access that starts inside and ends outside is cut off at the end by whoever has its last
   * byte: here, nobody.
   */
  private boolean inside(long offset, int sizeBytes) {
    return offset + sizeBytes <= bytes;
  }

  private final class Ports implements PortHandler {
    private final int base;

    Ports(int base) {
      this.base = base;
    }

    @Override
    public int readPort(int port, int sizeBytes) {
      return inside(port - base, sizeBytes) ? (int) handler.readBar(port - base, sizeBytes) : -1;
    }

    @Override
    public void writePort(int port, int sizeBytes, int value) {
      if (inside(port - base, sizeBytes)) {
        handler.writeBar(port - base, sizeBytes, Integer.toUnsignedLong(value));
      }
    }
  }

  private final class Memory implements MmioHandler {
    @Override
    public long readMmio(long offset, int sizeBytes) {
      return inside(offset, sizeBytes) ? handler.readBar(offset, sizeBytes) : -1;
    }

    @Override
    public void writeMmio(long offset, int sizeBytes, long value) {
      if (inside(offset, sizeBytes)) {
        handler.writeBar(offset, sizeBytes, value);
      }
    }
  }
}
