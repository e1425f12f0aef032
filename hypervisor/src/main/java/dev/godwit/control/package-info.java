/**
 * The control API of a machine's process: a gRPC server on a UNIX domain socket, its client, and
 * the folder in which the sockets of all machines of a user are found, and marks that outlive their
 * process.
 *
 * <p>Depends on {@code backend} (consoles), gRPC, Netty and the generated stubs; what the answers
 * are is up to the process, behind {@link dev.godwit.control.ControlActions}. Protobuf types stop
 * at {@code ControlCodec}. Threads: virtual threads serve the calls; {@code ControlClient} blocks
 * its caller.
 */
@NullMarked
package dev.godwit.control;

import org.jspecify.annotations.NullMarked;
