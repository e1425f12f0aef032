/**
 * Migrations under fault: real processes, a relay of our own between them, signals, and an oracle
 * that says after each whether exactly one machine is left, and whether it is whole. e2e/README.md
 * says how to run it.
 *
 * <p>Depends on everything. Threads: a lane drives two processes and one migration at a time; each
 * direction of a relayed connection has two virtual threads, on which faults at message boundaries
 * happen.
 */
@NullMarked
package dev.godwit.e2e.chaos;

import org.jspecify.annotations.NullMarked;
