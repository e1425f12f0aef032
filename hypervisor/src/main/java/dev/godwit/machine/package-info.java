/**
 * The machine: its lifecycle, the lock of all vCPUs, and how it is put together from engine,
 * platform and devices.
 *
 * <p>The only package of this module that sees all the others. Threads: {@code vcpu-N} run guest
 * code; any thread may call {@link dev.godwit.machine.Machine}.
 */
@NullMarked
package dev.godwit.machine;

import org.jspecify.annotations.NullMarked;
