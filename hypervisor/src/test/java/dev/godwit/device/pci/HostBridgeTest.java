package dev.godwit.device.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.PortHandler;
import java.util.List;
import org.junit.jupiter.api.Test;

class HostBridgeTest extends PciContract {
  @Override
  protected PciFunction create(PciBus pci, Board on) {
    return new HostBridge(pci);
  }

  @Override
  protected PciAddress address() {
    return new PciAddress(0, 0);
  }

  @Override
  protected List<Range> ranges() {
    return List.of(
        new Range(false, AddressMap.PCI_CONFIG_ADDRESS_PORT, 8), new Range(true, ecam(), 4096));
  }

  @Test
  void isAHostBridge() {
    assertEquals(0x1275_1275, config(0, 4));
    assertEquals(0x0600, config(0x0A, 2));
  }

  /** The steps by which Linux tells that configuration mechanism #1 works. */
  @Test
  void answersTheProbeForMechanismOne() {
    board.bus.io().write(0xCFB, 1, 1);
    board.bus.io().write(AddressMap.PCI_CONFIG_ADDRESS_PORT, 4, 0x8000_0000);
    assertEquals(0x8000_0000, board.bus.io().read(AddressMap.PCI_CONFIG_ADDRESS_PORT, 4));
    assertEquals(0x1275, board.bus.io().read(AddressMap.PCI_CONFIG_DATA_PORT, 2));
  }

  @Test
  void dataPortIsSilentWithoutTheEnableBit() {
    board.bus.io().write(AddressMap.PCI_CONFIG_ADDRESS_PORT, 4, 0);
    assertEquals(-1, board.bus.io().read(AddressMap.PCI_CONFIG_DATA_PORT, 4));
  }

  @Test
  void absentFunctionsAndOtherBussesReadAsOnes() {
    assertEquals(0xFFFF_FFFFL, board.bus.mmio().read(AddressMap.ECAM_GPA + (1 << 15), 4));
    assertEquals(0xFFFF_FFFFL, board.bus.mmio().read(AddressMap.ECAM_GPA + (1 << 12), 4));
    assertEquals(0xFFFF_FFFFL, board.bus.mmio().read(AddressMap.ECAM_GPA + (1 << 20), 4));
  }

  @Test
  void leavesTheResetRegisterToItsOwner() {
    board.bus.io().map(AddressMap.RESET_CONTROL_PORT, 1, "reset", new Nothing());
  }

  private static final class Nothing implements PortHandler {
    @Override
    public int readPort(int port, int sizeBytes) {
      return 0;
    }

    @Override
    public void writePort(int port, int sizeBytes, int value) {}
  }
}
