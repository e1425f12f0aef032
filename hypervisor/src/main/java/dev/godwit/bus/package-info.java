/**
 * How an access finds its device and an interrupt its controller: I/O ports, memory-mapped I/O,
 * interrupt lines, MSI.
 *
 * <p>Depends on guest memory alone. vCPU threads enter by {@code read} and {@code write}, any of
 * them at the same time; devices synchronise on themselves. Mapping may change while the machine
 * runs.
 */
@NullMarked
package dev.godwit.bus;

import org.jspecify.annotations.NullMarked;
