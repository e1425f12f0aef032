package dev.godwit.platform;

import dev.godwit.bus.AddressMap;
import dev.godwit.bus.PortBus;
import dev.godwit.bus.PortHandler;
import dev.godwit.clock.Frequencies;
import dev.godwit.clock.GuestClock;

/**
 * The ACPI power management timer, 32 bits (ACPI 6.5 §4.8.3.3): guest time in other units and
 * nothing else. That its top bit changed is {@link PowerManagement}'s affair.
 */
final class PmTimer implements PortHandler {
  private final GuestClock clock;

  PmTimer(GuestClock clock) {
    this.clock = clock;
  }

  /** Takes its ports. */
  void attach(PortBus io) {
    io.map(AddressMap.PM_TIMER_PORT, 4, "pmtimer", this);
  }

  @Override
  public int readPort(int port, int sizeBytes) {
    return (int) GuestClock.ticks(clock.nowNanos(), Frequencies.PM_TIMER_HZ)
        >>> 8 * (port - AddressMap.PM_TIMER_PORT);
  }

  @Override
  public void writePort(int port, int sizeBytes, int value) {
    // Read-only.
  }
}
