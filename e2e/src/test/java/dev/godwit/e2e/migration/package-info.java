/**
 * Migrations of synthetic machines, over real connections: what arrives, what is left after each
 * fault, and that there is exactly one machine at any time.
 *
 * <p>Depends on both sides and on the hypervisor's test fixtures. Threads: each test owns what it
 * starts.
 */
@NullMarked
package dev.godwit.e2e.migration;

import org.jspecify.annotations.NullMarked;
