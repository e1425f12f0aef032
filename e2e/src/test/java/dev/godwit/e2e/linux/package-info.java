/**
 * A stock Debian kernel in real processes of the launched program: what a user does, and what can
 * go wrong then.
 *
 * <p>Each {@link dev.godwit.e2e.linux.Host} stands for a host of its own: it has its own directory
 * of control sockets. The guest program's witnesses (docs/guest.md) say whether anything was lost.
 */
@NullMarked
package dev.godwit.e2e.linux;

import org.jspecify.annotations.NullMarked;
