/**
 * Two ports that test programs expect of an emulator: one that ends the machine with a status, one
 * that prints. Neither has state.
 *
 * <p>Depends on what every device may. Entered by any vCPU thread.
 */
@NullMarked
package dev.godwit.device.debug;

import org.jspecify.annotations.NullMarked;
