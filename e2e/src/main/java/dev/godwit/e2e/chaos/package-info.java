/**
 * Migrations under fault: real processes, a {@link Relay} between them, signals, and an oracle that
 * says after each whether exactly one machine is left, and whether it is whole. e2e/README.md says
 * how to run it.
 *
 * <p>Depends on everything. Threads: a lane drives two processes and one migration at a time;
 * faults at message boundaries happen on the relay's threads.
 */
@NullMarked
package dev.godwit.e2e.chaos;

import dev.godwit.e2e.relay.Relay;
import org.jspecify.annotations.NullMarked;
