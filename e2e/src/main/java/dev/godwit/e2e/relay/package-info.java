/**
 * A TCP relay between a source and a destination that knows which message of the protocol passes,
 * and does to their connections what networks do, and worse.
 *
 * <p>Depends on Netty's HPACK decoder only. Threads: each direction of a relayed connection has two
 * virtual threads; who watches is called on the one that sends.
 */
@NullMarked
package dev.godwit.e2e.relay;

import org.jspecify.annotations.NullMarked;
