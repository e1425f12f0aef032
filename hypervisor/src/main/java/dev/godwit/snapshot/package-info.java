/**
 * The machine's saved state as self-describing, versioned sections: what a part declares, how
 * sections are written, read, upgraded and refused.
 *
 * <p>Depends on {@code migration-proto}'s messages only. Entered by one thread at a time, under the
 * lock of all vCPUs.
 */
@NullMarked
package dev.godwit.snapshot;

import org.jspecify.annotations.NullMarked;
