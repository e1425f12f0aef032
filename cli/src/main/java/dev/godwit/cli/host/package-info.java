/**
 * A machine's process: the machine, the server of its control API, and what ends them.
 *
 * <p>Depends on {@code hypervisor}, {@code source-side} and {@code dest-side}; the commands depend
 * on it. Threads: the command's main thread waits in {@code MachineHost.awaitEnd}; virtual threads
 * of the control server do what clients ask for.
 */
@NullMarked
package dev.godwit.cli.host;

import org.jspecify.annotations.NullMarked;
