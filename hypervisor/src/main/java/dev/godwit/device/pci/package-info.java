/**
 * The PCI bus: what every function has (configuration space, BARs, interrupts, capabilities), how
 * it is reached, and the two functions that every board has.
 *
 * <p>May depend on {@code device}, {@code bus}, {@code snapshot} and guest memory. Configuration
 * space and BARs are entered by vCPU threads, interrupts by any. Lock order: a function, the bus's
 * address decoder, the port and MMIO buses, interrupt lines.
 */
@NullMarked
package dev.godwit.device.pci;

import org.jspecify.annotations.NullMarked;
