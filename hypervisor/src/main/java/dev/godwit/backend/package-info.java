/**
 * The host's side of devices: where a serial line's bytes go to and come from.
 *
 * <p>Depends on the JDK only. Devices enter from vCPU threads and must never be blocked; clients
 * enter from any thread and are called on virtual threads, one each. Nothing here is guest state.
 */
@NullMarked
package dev.godwit.backend;

import org.jspecify.annotations.NullMarked;
