package dev.godwit.device.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class LpcBridgeTest extends PciContract {
  @Override
  protected PciFunction create(PciBus pci, Board on) {
    return new LpcBridge(pci);
  }

  @Override
  protected PciAddress address() {
    return LpcBridge.ADDRESS;
  }

  @Test
  void isTheIsaBridgeThatTheDsdtNames() {
    assertEquals("00:1f.0", device().instance());
    assertEquals(0x7000_8086, config(0, 4));
    assertEquals(0x0601, config(0x0A, 2));
  }
}
