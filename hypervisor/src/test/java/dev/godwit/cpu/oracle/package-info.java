/**
 * The host's own CPU as an oracle for the software CPU: single instructions run natively by a small
 * C program and their resulting state comes back for comparison.
 *
 * <p>Test-only. Depends on nothing of Godwit. Used by one thread at a time.
 */
@NullMarked
package dev.godwit.cpu.oracle;

import org.jspecify.annotations.NullMarked;
