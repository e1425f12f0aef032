package dev.godwit.device.pci;

import dev.godwit.snapshot.StatePart;
import java.util.List;

/**
 * The bridge to ISA, with the ids that bhyve gives it (a PIIX3's). What is behind it (UARTs, RTC,
 * PICs) is found by ACPI and attached to the port bus directly. It routes no PCI interrupts to the
 * PICs: a system without IOAPIC gets none.
 */
public final class LpcBridge extends PciFunction {
  /** Its kind, as with bhyve. */
  public static final String KIND = "lpc";

  /** Where bhyve's users put it; the DSDT names it there. */
  public static final PciAddress ADDRESS = new PciAddress(0x1F, 0);

  private static final PciIdentity IDENTITY =
      new PciIdentity(0x8086, 0x7000, 0x06_0100, 0, 0x8086, 0x7000);

  private final List<StatePart> parts = List.of(new LpcBridgePart(this));

  /** Makes the bridge. */
  public LpcBridge(PciBus pci) {
    super(pci, ADDRESS, IDENTITY);
  }

  @Override
  public String kind() {
    return KIND;
  }

  @Override
  public List<StatePart> stateParts() {
    return parts;
  }

  @Override
  protected void resetDevice() {}

  /** Stands still by itself: it has no threads. */
  @Override
  public void quiesce() {}

  @Override
  public void resume() {}
}
