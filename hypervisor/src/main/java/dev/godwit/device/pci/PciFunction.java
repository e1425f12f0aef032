package dev.godwit.device.pci;

import dev.godwit.device.Device;
import dev.godwit.device.DeviceBus;
import java.util.ArrayList;
import java.util.List;

/**
 * What every PCI function is made of. A device extends it and, in its constructor, says which BARs,
 * interrupt pin and capabilities it has; it saves {@link #configRegisters} with its own state.
 *
 * <p>Threads: the function itself is the lock of its configuration space and of its capabilities; a
 * device may use it for its registers too.
 */
public abstract class PciFunction implements Device {
  private static final int FIRST_CAPABILITY = 0x40;
  private static final int NO_PIN = -1;

  /** What a guest may set in the command register: I/O, memory, master, parity, SERR, INTx off. */
  private static final int COMMAND_BITS = 0x0547;

  private final PciBus pci;
  private final PciAddress address;
  private final ConfigSpace config = new ConfigSpace();
  private final List<Bar> bars = new ArrayList<>();
  private final List<PciCapability> capabilities = new ArrayList<>();
  private int nextCapability = FIRST_CAPABILITY;
  private int linkToNext = ConfigSpace.CAPABILITIES;
  private int pin = NO_PIN;

  /** Makes a function without BARs, interrupt pin and capabilities. */
  protected PciFunction(PciBus pci, PciAddress address, PciIdentity identity) {
    this.pci = pci;
    this.address = address;
    config.declare(ConfigSpace.VENDOR, 4, identity.vendor() | (long) identity.device() << 16, 0);
    config.declare(ConfigSpace.COMMAND, 2, 0, COMMAND_BITS);
    config.declare(
        ConfigSpace.REVISION, 4, identity.revision() | (long) identity.classCode() << 8, 0);
    config.declare(ConfigSpace.CACHE_LINE, 1, 0, 0xFF);
    config.declare(
        ConfigSpace.SUBSYSTEM_VENDOR,
        4,
        identity.subsystemVendor() | (long) identity.subsystem() << 16,
        0);
    config.declare(ConfigSpace.INTERRUPT_LINE, 1, 0, 0xFF);
  }

  /** Gives it an interrupt pin: 0 for INTA to 3 for INTD. */
  protected final void interruptPin(int number) {
    pin = number;
    config.declare(ConfigSpace.INTERRUPT_PIN, 1, number + 1, 0);
    config.declareInternal(ConfigSpace.STATUS, 2, ConfigSpace.STATUS_INTX);
  }

  /** Gives it a BAR of 4 to 256 ports, a power of two. */
  protected final void ioBar(int index, long bytes, BarHandler handler) {
    addBar(index, Bar.Kind.IO, bytes, handler);
  }

  /** Gives it a BAR of at least 4096 bytes, a power of two, below 4 GiB. */
  protected final void memoryBar32(int index, long bytes, BarHandler handler) {
    addBar(index, Bar.Kind.MEMORY_32, bytes, handler);
  }

  /** Gives it a BAR of at least 4096 bytes, a power of two, that takes the next index too. */
  protected final void memoryBar64(int index, long bytes, BarHandler handler) {
    addBar(index, Bar.Kind.MEMORY_64, bytes, handler);
  }

  private void addBar(int index, Bar.Kind kind, long bytes, BarHandler handler) {
    Bar bar = new Bar(address.toString(), index, kind, bytes, handler);
    bar.declare(config);
    bars.add(bar);
  }

  /** Gives it MSI. */
  protected final MsiCapability msi(int vectors) {
    return addCapability(new MsiCapability(this, vectors));
  }

  /** Gives it MSI-X and the 32-bit memory BAR that the tables are in. */
  protected final MsixCapability msix(int barIndex, int vectors) {
    MsixCapability msix = addCapability(new MsixCapability(this, barIndex, vectors));
    memoryBar32(barIndex, msix.barBytes(), msix);
    return msix;
  }

  private <C extends PciCapability> C addCapability(C capability) {
    int offset = nextCapability;
    config.declare(ConfigSpace.STATUS, 2, ConfigSpace.STATUS_CAPABILITIES, 0);
    config.declare(linkToNext, 1, offset, 0);
    config.declare(offset, 2, capability.id(), 0);
    capability.declare(config, offset);
    linkToNext = offset + 1;
    nextCapability = (offset + capability.lengthBytes() + 3) & ~3;
    capabilities.add(capability);
    return capability;
  }

  /** Returns where it is. */
  public final PciAddress address() {
    return address;
  }

  @Override
  public final String instance() {
    return address.toString();
  }

  final ConfigSpace config() {
    return config;
  }

  final List<Bar> bars() {
    return bars;
  }

  @Override
  public void attach(DeviceBus bus) {
    pci.add(this, bus);
  }

  @Override
  public final synchronized void reset() {
    config.reset();
    capabilities.forEach(PciCapability::reset);
    resetDevice();
    registersReplaced();
  }

  /**
   * Resets what the device has beside configuration space and capabilities. Called with the
   * function's lock held.
   */
  protected abstract void resetDevice();

  /** Reads configuration space as the guest does. */
  public final synchronized long readConfig(int offset, int sizeBytes) {
    return config.read(offset, sizeBytes);
  }

  /** Writes configuration space as the guest does. */
  public final synchronized void writeConfig(int offset, int sizeBytes, long value) {
    config.write(offset, sizeBytes, value);
    capabilities.forEach(PciCapability::configChanged);
    registersReplaced();
  }

  private void registersReplaced() {
    pci.decoder().place(bars, config);
    driveInterrupt();
  }

  /**
   * Raises or lowers the interrupt of a device that uses its pin. While the guest uses MSI or
   * MSI-X, or has disabled INTx, the pin stays low (PCI 3.0 §6.8.1.3). Any thread.
   */
  protected final synchronized void setInterrupt(boolean asserted) {
    if (pin == NO_PIN) {
      throw new IllegalStateException(address + " has no interrupt pin");
    }
    config.set(ConfigSpace.STATUS, 2, ConfigSpace.STATUS_INTX, asserted);
    driveInterrupt();
  }

  private void driveInterrupt() {
    if (pin != NO_PIN) {
      boolean asserted =
          (config.read(ConfigSpace.STATUS, 2) & ConfigSpace.STATUS_INTX) != 0
              && (config.read(ConfigSpace.COMMAND, 2) & ConfigSpace.COMMAND_NO_INTX) == 0
              && capabilities.stream().noneMatch(PciCapability::replacesPin);
      pci.setIntx(address, pin, asserted);
    }
  }

  /** Says whether the guest lets it write to memory, messages included. */
  protected final synchronized boolean busMaster() {
    return (config.read(ConfigSpace.COMMAND, 2) & ConfigSpace.COMMAND_MASTER) != 0;
  }

  /** Sends a message-signalled interrupt, if it is bus master. */
  final void sendMessage(long messageAddress, int data) {
    if (busMaster()) {
      pci.sendMessage(messageAddress, data);
    }
  }

  /** Returns the configuration space, to be saved. */
  final synchronized byte[] configRegisters() {
    return config.save();
  }

  /** Replaces the configuration space by one that was checked; BARs and pin follow. */
  final synchronized void restoreConfig(byte[] registers) {
    config.restore(registers);
    registersReplaced();
  }
}
