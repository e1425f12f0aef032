/**
 * What goes over the wire: batches of pages written from and landing in guest RAM with one copy a
 * side, the negotiation of versions, and errors that travel as code and text.
 *
 * <p>Depends on the generated messages, gRPC's API and LZ4; knows nothing of machines and of how
 * connections are made. Threads: a network thread at each end sends and lands; nothing here blocks.
 */
@NullMarked
package dev.godwit.wire;

import org.jspecify.annotations.NullMarked;
