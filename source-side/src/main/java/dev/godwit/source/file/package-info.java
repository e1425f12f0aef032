/**
 * Files as the sink of a machine's state: a live snapshot, or a suspended machine. See
 * docs/snapshot-format.md for the files and for the order in which they get their names.
 *
 * <p>Depends on {@code source} and {@code hypervisor}'s {@code snapshot.file}. Threads: that of
 * {@link dev.godwit.source.LiveMigration#run} only.
 */
@NullMarked
package dev.godwit.source.file;

import org.jspecify.annotations.NullMarked;
