package dev.godwit.device;

import dev.godwit.bus.MmioBus;
import dev.godwit.bus.PortBus;

/**
 * Where a device's registers can be reached.
 *
 * @param io the I/O ports
 * @param mmio the guest physical addresses that are not RAM
 */
public record DeviceBus(PortBus io, MmioBus mmio) {}
