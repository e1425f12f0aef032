package dev.godwit.device.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.bus.AddressMap;
import dev.godwit.device.Device;
import dev.godwit.device.DeviceContract;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What every PCI function promises beside the device contract: its configuration space is found by
 * ports and in memory.
 */
abstract class PciContract extends DeviceContract {
  /** Makes the function on a bus that has a host bridge already, unless it is the host bridge. */
  protected abstract PciFunction create(PciBus pci, Board on);

  protected abstract PciAddress address();

  @Override
  protected final Device create(Board on) {
    PciBus pci = new PciBus(on.lines);
    PciFunction function = create(pci, on);
    if (!(function instanceof HostBridge)) {
      new HostBridge(pci).attach(on.bus);
    }
    function.attach(on.bus);
    return function;
  }

  protected final long ecam() {
    return AddressMap.ECAM_GPA + (address().slot() << 15) + (address().function() << 12);
  }

  @Override
  protected List<Range> ranges() {
    return List.of(new Range(true, ecam(), 4096));
  }

  @Override
  protected void exercise(Device device, Board on) {
    on.bus.mmio().write(ecam() + ConfigSpace.COMMAND, 2, 7);
    on.bus.mmio().write(ecam() + ConfigSpace.INTERRUPT_LINE, 1, 11);
    on.bus.io().write(AddressMap.PCI_CONFIG_ADDRESS_PORT, 4, 0x8000_0010);
  }

  protected final long config(int offset, int sizeBytes) {
    return board.bus.mmio().read(ecam() + offset, sizeBytes);
  }

  protected final void setConfig(int offset, int sizeBytes, long value) {
    board.bus.mmio().write(ecam() + offset, sizeBytes, value);
  }

  @Test
  void portsAndMemoryShowTheSameConfigurationSpace() {
    int base = 0x8000_0000 | address().slot() << 11 | address().function() << 8;
    for (int offset = 0; offset < ConfigSpace.BYTES; offset += 4) {
      board.bus.io().write(AddressMap.PCI_CONFIG_ADDRESS_PORT, 4, base | offset);
      assertEquals(
          config(offset, 4),
          board.bus.io().read(AddressMap.PCI_CONFIG_DATA_PORT, 4) & 0xFFFF_FFFFL);
      for (int i = 0; i < 4; i++) {
        assertEquals(
            config(offset + i, 1), board.bus.io().read(AddressMap.PCI_CONFIG_DATA_PORT + i, 1));
      }
      assertEquals(
          config(offset + 2, 2), board.bus.io().read(AddressMap.PCI_CONFIG_DATA_PORT + 2, 2));
    }
  }

  @Test
  void hasNoExtendedConfigurationSpace() {
    assertEquals(0xFFFF_FFFFL, config(0x100, 4));
    assertEquals(0xFFFF_FFFFL, config(0xFFC, 4));
  }

  @Test
  void capabilityListEnds() {
    boolean has = (config(ConfigSpace.STATUS, 2) & ConfigSpace.STATUS_CAPABILITIES) != 0;
    long at = config(ConfigSpace.CAPABILITIES, 1);
    assertEquals(has, at != 0);
    for (int i = 0; i < 48 && at != 0; i++) {
      at = config((int) at + 1, 1);
    }
    assertEquals(0, at);
  }
}
