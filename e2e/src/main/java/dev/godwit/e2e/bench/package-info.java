/**
 * Benchmarks of what a user feels, between real processes; e2e/README.md says what each measures
 * and why.
 *
 * <p>Depends on everything. Threads: each benchmark's own.
 */
@NullMarked
package dev.godwit.e2e.bench;

import org.jspecify.annotations.NullMarked;
