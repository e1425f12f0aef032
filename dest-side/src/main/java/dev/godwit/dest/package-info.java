/**
 * The taking half of a migration: receiving, checking and restoring a machine, from a stream or
 * from a file, and the destination's part of the handover.
 *
 * <p>Depends on {@code hypervisor}, {@code dirty-tracking} and {@code migration-proto}; knows
 * nothing of how a source decides. Writes no file. Threads: network threads land pages, virtual
 * threads serve the other calls, one thread watches deadlines; {@link dev.godwit.dest.Receiver} may
 * be used by any thread.
 */
@NullMarked
package dev.godwit.dest;

import org.jspecify.annotations.NullMarked;
