/**
 * The template that every emulated device follows: how it is attached, reset, quiesced and how it
 * declares its state.
 *
 * <p>May depend on {@code bus}, {@code clock}, {@code snapshot}, {@code backend} and guest memory;
 * knows no machine and no CPU engine. Registers are entered by any vCPU thread, timers by {@code
 * guest-clock}, backends by threads of their own; each device has one lock, taken before the
 * interrupt lines' and the backend's.
 */
@NullMarked
package dev.godwit.device;

import org.jspecify.annotations.NullMarked;
