package dev.godwit.platform;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.InterruptLine;
import dev.godwit.bus.InterruptLines;

/**
 * Wires global system interrupts to the controllers: 0–15 to PIC and I/O APIC, 16–23 to the I/O
 * APIC. The interval timer's GSI 2 is IRQ 0 of the PIC, whose IRQ 2 is the cascade; GSI 0 therefore
 * has no PIC input.
 */
final class InterruptRouter implements InterruptLines {
  private static final int NO_IRQ = -1;

  private final IoApic ioApic;
  private final Pic pic;
  private final ApicBus bus;

  InterruptRouter(IoApic ioApic, Pic pic, ApicBus bus) {
    this.ioApic = ioApic;
    this.pic = pic;
    this.bus = bus;
  }

  @Override
  public InterruptLine line(int gsi) {
    if (gsi < 0 || gsi >= IoApic.PINS) {
      throw new IllegalArgumentException(
          "GSI " + gsi + " does not exist: there are 0 to " + (IoApic.PINS - 1));
    }
    return new Line(gsi, picIrq(gsi));
  }

  private final class Line implements InterruptLine {
    private final int gsi;
    private final int irq;

    private Line(int gsi, int irq) {
      this.gsi = gsi;
      this.irq = irq;
    }

    @Override
    public void set(boolean asserted) {
      ioApic.setPin(gsi, asserted);
      if (irq != NO_IRQ) {
        pic.setIrq(irq, asserted);
      }
    }

    @Override
    public boolean pending() {
      return ioApic.isPending(gsi) || irq != NO_IRQ && pic.isPending(irq);
    }
  }

  private static int picIrq(int gsi) {
    if (gsi == AddressMap.PIT_GSI) {
      return AddressMap.PIT_PIC_IRQ;
    }
    return gsi == AddressMap.PIT_PIC_IRQ || gsi > 15 ? NO_IRQ : gsi;
  }

  @Override
  public void sendMsi(long address, int data) {
    if (address >>> 20 == AddressMap.LOCAL_APIC_GPA >>> 20) {
      bus.send(InterruptMessage.ofMsi(address, data));
    }
  }
}
