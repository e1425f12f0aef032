/**
 * Bare-metal guests: 64-bit code without an operating system, compiled when it is needed.
 *
 * <p>Depends on gcc and objcopy as programs. Threads: the caller's.
 */
@NullMarked
package dev.godwit.e2e.guest;

import org.jspecify.annotations.NullMarked;
