/**
 * Claims on snapshots: files as the sink, restore, bad files, a full disk.
 *
 * <p>Test code. Machines are synthetic: they prove at any moment that no page is lost.
 */
@NullMarked
package dev.godwit.e2e.snapshot;

import org.jspecify.annotations.NullMarked;
