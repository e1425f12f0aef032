package dev.godwit.device.pci;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.MmioHandler;
import dev.godwit.bus.PortHandler;
import dev.godwit.device.DeviceBus;
import dev.godwit.snapshot.StatePart;
import java.util.List;

/**
 * The host bridge, 00:00.0, with bhyve's ids: how configuration space is reached, by ports
 * (configuration mechanism #1, PCI 3.0 §3.2.2.3.2) and in memory (ECAM, PCI Express 3.0 §7.2.2).
 */
public final class HostBridge extends PciFunction {
  /** Its kind, as with bhyve. */
  public static final String KIND = "hostbridge";

  private static final PciIdentity IDENTITY =
      new PciIdentity(0x1275, 0x1275, 0x06_0000, 0, 0x1275, 0x1275);

  /** Enable, bus, device, function and register; the rest reads as zero. */
  static final int ADDRESS_BITS = 0x80FF_FFFC;

  private static final int ADDRESS_ENABLE = 0x8000_0000;

  private final PciBus pci;
  private final List<StatePart> parts = List.of(new HostBridgePart(this));
  private volatile int configAddress;

  /** Makes the bridge of a bus. */
  public HostBridge(PciBus pci) {
    super(pci, new PciAddress(0, 0), IDENTITY);
    this.pci = pci;
  }

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public List<StatePart> stateParts() {
    return parts;
  }

  /**
   * Maps ports and ECAM. The ports between address and data are others': 0xCF9 is the reset
   * register.
   */
  @Override
  public void attach(DeviceBus bus) {
    super.attach(bus);
    bus.io().map(AddressMap.PCI_CONFIG_ADDRESS_PORT, 1, "PCI configuration", new AddressPort());
    bus.io().map(AddressMap.PCI_CONFIG_DATA_PORT, 4, "PCI configuration", new DataPort());
    bus.mmio()
        .map(
            AddressMap.ECAM_GPA,
            AddressMap.ECAM_END_GPA - AddressMap.ECAM_GPA,
            "PCI configuration",
            new Ecam());
  }

  @Override
  protected void resetDevice() {
    configAddress = 0;
  }

  /** Stands still by itself: it has no threads. */
  @Override
  public void quiesce() {}

  @Override
  public void resume() {}

  int configAddress() {
    return configAddress;
  }

  void setConfigAddress(int address) {
    configAddress = address;
  }

  /** Port 0xCF8 is a register for accesses of 32 bits only. */
  private final class AddressPort implements PortHandler {
    @Override
    public int readPort(int port, int sizeBytes) {
      return sizeBytes == 4 ? configAddress : -1;
    }

    @Override
    public void writePort(int port, int sizeBytes, int value) {
      if (sizeBytes == 4) {
        configAddress = value & ADDRESS_BITS;
      }
    }
  }

  /** Ports 0xCFC–0xCFF: the 32 bits that the address says, any part of them. */
  private final class DataPort implements PortHandler {
    @Override
    public int readPort(int port, int sizeBytes) {
      int address = configAddress;
      int at = port & 3;
      if ((address & ADDRESS_ENABLE) == 0 || at + sizeBytes > 4) {
        return -1;
      }
      return (int)
          pci.readConfig(
              address >> 16 & 0xFF,
              address >> 11 & 31,
              address >> 8 & 7,
              address & 0xFC | at,
              sizeBytes);
    }

    @Override
    public void writePort(int port, int sizeBytes, int value) {
      int address = configAddress;
      int at = port & 3;
      if ((address & ADDRESS_ENABLE) != 0 && at + sizeBytes <= 4) {
        pci.writeConfig(
            address >> 16 & 0xFF,
            address >> 11 & 31,
            address >> 8 & 7,
            address & 0xFC | at,
            sizeBytes,
            Integer.toUnsignedLong(value));
      }
    }
  }

  /** Each function has 4 KiB; an access that leaves them is cut off at the end of the function. */
  private final class Ecam implements MmioHandler {
    @Override
    public long readMmio(long offset, int sizeBytes) {
      return pci.readConfig(
          (int) (offset >> 20),
          (int) (offset >> 15) & 31,
          (int) (offset >> 12) & 7,
          (int) offset & 0xFFF,
          sizeBytes);
    }

    @Override
    public void writeMmio(long offset, int sizeBytes, long value) {
      pci.writeConfig(
          (int) (offset >> 20),
          (int) (offset >> 15) & 31,
          (int) (offset >> 12) & 7,
          (int) offset & 0xFFF,
          sizeBytes,
          value);
    }
  }
}
