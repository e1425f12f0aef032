/**
 * What every CPU engine offers and what it is given: vCPUs, their architectural state, the local
 * APIC's CPU side.
 *
 * <p>Depends on {@code bus}, {@code clock} and guest memory. The engines below never import each
 * other. Threads: a vCPU is run by its own platform thread; {@code wake} and {@code requestExit}
 * come from any.
 */
@NullMarked
package dev.godwit.cpu;

import org.jspecify.annotations.NullMarked;
