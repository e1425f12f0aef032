package dev.godwit.device.pci;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.InterruptLines;
import dev.godwit.device.DeviceBus;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * PCI bus 0, the only one: which functions there are, and where their interrupts go. Threads: any.
 */
public final class PciBus {
  private static final int INTX_WIRES = 8;

  private final InterruptLines lines;
  private final BarDecoder decoder = new BarDecoder();
  private final AtomicReferenceArray<@Nullable PciFunction> functions =
      new AtomicReferenceArray<>(PciAddress.SLOTS * PciAddress.FUNCTIONS);

  /** For each of the shared wires, which functions assert it. */
  private final BitSet[] asserting = new BitSet[INTX_WIRES];

  /** Makes a bus without functions, whose pins go to the GSIs of {@link AddressMap#pciIntxGsi}. */
  public PciBus(InterruptLines lines) {
    this.lines = lines;
    for (int i = 0; i < INTX_WIRES; i++) {
      asserting[i] = new BitSet();
    }
  }

  private static int indexOf(PciAddress address) {
    return address.slot() * PciAddress.FUNCTIONS + address.function();
  }

  /**
   * Puts a function on the bus.
   *
   * @throws IllegalStateException if there is one at its address
   */
  void add(PciFunction function, DeviceBus bus) {
    if (!functions.compareAndSet(indexOf(function.address()), null, function)) {
      throw new IllegalStateException("there is a device at PCI address " + function.address());
    }
    function.bars().forEach(bar -> decoder.add(bar, bus));
  }

  BarDecoder decoder() {
    return decoder;
  }

  /**
   * Reads configuration space; nobody at home is all ones.
   *
   * @param busNumber 0–255
   */
  long readConfig(int busNumber, int slot, int function, int offset, int sizeBytes) {
    PciFunction found = find(busNumber, slot, function);
    return found == null ? -1 : found.readConfig(offset, sizeBytes);
  }

  /** Writes configuration space; nobody at home swallows it. */
  void writeConfig(int busNumber, int slot, int function, int offset, int sizeBytes, long value) {
    PciFunction found = find(busNumber, slot, function);
    if (found != null) {
      found.writeConfig(offset, sizeBytes, value);
    }
  }

  private @Nullable PciFunction find(int busNumber, int slot, int function) {
    return busNumber == 0 ? functions.get(slot * PciAddress.FUNCTIONS + function) : null;
  }

  void setIntx(PciAddress address, int pin, boolean asserted) {
    int gsi = AddressMap.pciIntxGsi(address.slot(), pin);
    BitSet users = asserting[gsi - AddressMap.PCI_INTX_GSI];
    synchronized (users) {
      users.set(indexOf(address), asserted);
      lines.line(gsi).set(!users.isEmpty());
    }
  }

  void sendMessage(long address, int data) {
    lines.sendMsi(address, data);
  }
}
