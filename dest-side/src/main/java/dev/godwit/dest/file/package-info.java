/**
 * Machines from snapshots: checked, mapped and restored.
 *
 * <p>Depends on {@code dest} and {@code hypervisor}'s {@code snapshot.file}. Writes no file.
 * Threads: the caller's; RAM is checked on all cores.
 */
@NullMarked
package dev.godwit.dest.file;

import org.jspecify.annotations.NullMarked;
