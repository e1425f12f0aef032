/**
 * A machine's state as one stream, on the wire and on disk: what its header and its metadata say,
 * as records, and their messages.
 *
 * <p>Depends on {@code machine}, {@code snapshot} and the generated messages. No threads, no input
 * or output: the sides that write and read streams call it.
 */
@NullMarked
package dev.godwit.stream;

import org.jspecify.annotations.NullMarked;
