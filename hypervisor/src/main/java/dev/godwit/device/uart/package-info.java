/**
 * The 16550A UART: COM1 and COM2.
 *
 * <p>May depend on {@code device}, {@code bus}, {@code clock}, {@code snapshot} and {@code
 * backend}. Entered by vCPU threads (registers), {@code guest-clock} (receive timing) and the
 * serial line's threads (input arrived).
 */
@NullMarked
package dev.godwit.device.uart;

import org.jspecify.annotations.NullMarked;
