/** Claims about the UART. */
@NullMarked
package dev.godwit.device.uart;

import org.jspecify.annotations.NullMarked;
