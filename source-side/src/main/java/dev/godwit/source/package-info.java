/**
 * The giving half of a migration: the pre-copy script, the policy of convergence, and the sinks
 * that a machine's state goes to. A snapshot to a file is the same stream with a file as its sink.
 *
 * <p>Depends on {@code hypervisor}, {@code dirty-tracking} and {@code migration-proto}; knows
 * nothing of how a destination restores. Threads: {@link dev.godwit.source.LiveMigration#run}
 * belongs to one thread, which no vCPU is; its control methods may be called by any. Sinks may read
 * guest RAM on threads of their own while a round lasts.
 */
@NullMarked
package dev.godwit.source;

import org.jspecify.annotations.NullMarked;
