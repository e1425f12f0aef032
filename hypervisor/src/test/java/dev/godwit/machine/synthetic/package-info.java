/**
 * A machine for tests that need one to move and not one to boot: its vCPUs rewrite guest RAM in a
 * pattern that proves, at any moment, that no page is lost, stale or torn.
 *
 * <p>Test code of this module and of the modules above it. Threads: as {@link
 * dev.godwit.machine.Machine} has them.
 */
@NullMarked
package dev.godwit.machine.synthetic;

import org.jspecify.annotations.NullMarked;
