package dev.godwit.platform;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.InterruptLines;
import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;
import dev.godwit.clock.GuestClock;
import dev.godwit.cpu.LocalApicPort;
import dev.godwit.snapshot.StatePart;
import dev.godwit.snapshot.StatelessPart;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** All platform devices of one machine, wired to each other and to its buses. */
public final class Platform {
  private static final int IOAPIC_BYTES = 0x1000;

  /**
   * What the platform is wired to.
   *
   * @param vcpus how many local APICs
   * @param ramBytes for the sizes in the RTC's memory
   * @param io ports are mapped here
   * @param mmio IOAPIC and HPET are mapped here; local APICs are not, each vCPU knows its own
   * @param clock guest time
   * @param wallClock asked once, for the RTC at power-on
   * @param powerOff called on a vCPU's thread when the guest powers off; must not wait for vCPUs
   * @param reset called on a vCPU's thread when the guest resets; must not wait for vCPUs
   */
  public record Wiring(
      int vcpus,
      long ramBytes,
      PortBus io,
      MmioBus mmio,
      GuestClock clock,
      InstantSource wallClock,
      Runnable powerOff,
      Runnable reset) {}

  private final List<LocalApic> apics;
  private final InterruptRouter router;
  private final PowerManagement power;
  private final List<StatePart> stateParts;

  /**
   * Builds the platform in power-on state, as firmware would leave it to a kernel: PICs in virtual
   * wire mode.
   */
  public Platform(Wiring wiring) {
    GuestClock clock = wiring.clock();
    ApicBus bus = new ApicBus();
    apics = IntStream.range(0, wiring.vcpus()).mapToObj(i -> new LocalApic(i, clock, bus)).toList();
    bus.connect(apics);
    LocalApic bootApic = apics.getFirst();
    IoApic ioApic = new IoApic(bus);
    Pic pic = new Pic(bootApic::setLint0);
    bootApic.attachPic(pic::acknowledge);
    apics.forEach(LocalApic::enterVirtualWireMode);
    router = new InterruptRouter(ioApic, pic, bus);

    LegacySwitch irq0 = new LegacySwitch(router.line(AddressMap.PIT_GSI));
    LegacySwitch irq8 = new LegacySwitch(router.line(AddressMap.RTC_GSI));
    Hpet hpet = new Hpet(clock, router, irq0, irq8);
    Pit pit = new Pit(clock, irq0);
    long lowRamBytes = Math.min(wiring.ramBytes(), AddressMap.HOLE_GPA);
    Rtc rtc =
        new Rtc(
            clock,
            irq8,
            wiring.wallClock().instant(),
            lowRamBytes,
            wiring.ramBytes() - lowRamBytes);
    power =
        new PowerManagement(
            clock, router.line(AddressMap.SCI_GSI), wiring.powerOff(), wiring.reset());

    pic.attach(wiring.io());
    pit.attach(wiring.io());
    rtc.attach(wiring.io());
    power.attach(wiring.io());
    new PmTimer(clock).attach(wiring.io());
    hpet.attach(wiring.mmio());
    wiring.mmio().map(AddressMap.IOAPIC_GPA, IOAPIC_BYTES, "ioapic", ioApic);

    List<StatePart> parts = new ArrayList<>();
    parts.add(new ClockPart(clock));
    for (int i = 0; i < apics.size(); i++) {
      parts.add(new LapicPart(apics.get(i), i, clock));
    }
    parts.add(new IoApicPart(ioApic));
    parts.add(new PicPart(pic));
    parts.add(new HpetPart(hpet));
    parts.add(new PitPart(pit));
    parts.add(new RtcPart(rtc));
    parts.add(new PowerPart(power));
    parts.add(
        new StatelessPart(
            "pmtimer", "its count is guest time in other units; the clock's section has that"));
    stateParts = List.copyOf(parts);
  }

  /** Returns the interrupt wires. */
  public InterruptLines lines() {
    return router;
  }

  /** Returns a vCPU's local APIC. */
  public LocalApicPort apic(int vcpu) {
    return apics.get(vcpu);
  }

  /**
   * Connects what makes a vCPU look at its local APIC again; it is called with device locks held
   * and must not block.
   */
  public void attachWake(int vcpu, Runnable wake) {
    apics.get(vcpu).attachWake(wake);
  }

  /**
   * Returns every part's declaration of state, in the order in which they are to be restored: the
   * clock first.
   */
  public List<StatePart> stateParts() {
    return stateParts;
  }

  /** Presses the ACPI power button. Any thread. */
  public void pressPowerButton() {
    power.pressPowerButton();
  }

  /** Raises an NMI on every vCPU, as the button on a server's board does. Any thread. */
  public void raiseNmi() {
    apics.forEach(LocalApic::pulseLint1);
  }
}
