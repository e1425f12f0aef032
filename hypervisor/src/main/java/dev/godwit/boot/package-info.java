/**
 * What a machine finds in its RAM when it starts, in place of firmware: a Linux kernel by the x86
 * boot protocol, and ACPI tables.
 *
 * <p>May depend on {@code bus} (the address map), {@code cpu} (a vCPU's state) and guest memory.
 * One thread, before the machine runs. The kernel and initrd files are hostile until checked.
 */
@NullMarked
package dev.godwit.boot;

import org.jspecify.annotations.NullMarked;
