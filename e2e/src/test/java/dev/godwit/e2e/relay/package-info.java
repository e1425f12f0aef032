/**
 * What the relay knows of the messages that pass.
 *
 * <p>Depends on the package of the same name. Threads: the test's.
 */
@NullMarked
package dev.godwit.e2e.relay;

import org.jspecify.annotations.NullMarked;
