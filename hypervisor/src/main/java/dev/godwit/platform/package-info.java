/**
 * The devices that every PC kernel expects: local APICs, I/O APIC, 8259 PICs, 8254 PIT, HPET,
 * real-time clock, ACPI power management and PM timer, and the routing of interrupts between them.
 *
 * <p>Depends on {@code bus}, {@code clock}, {@code snapshot} and {@code cpu.LocalApicPort}. vCPU
 * threads enter by port and memory accesses and by their local APIC, device threads by interrupt
 * lines, the thread {@code guest-clock} by timers. Every device has one lock; the order is device,
 * then the switch of legacy interrupts, then PIC or I/O APIC, then local APIC, then the clock. See
 * docs/concurrency.md.
 *
 * <p>Counters are pure functions of guest time and of the moment at which they were started.
 * Restoring a device never drives a line: whoever is at its other end restores the level that it
 * saw.
 */
@NullMarked
package dev.godwit.platform;

import org.jspecify.annotations.NullMarked;
