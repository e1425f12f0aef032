/**
 * The handover's two state machines, checked together: every order of messages, losses, repetitions
 * and failures within bounds.
 *
 * <p>Depends on both sides. Threads: none.
 */
@NullMarked
package dev.godwit.e2e.handover;

import org.jspecify.annotations.NullMarked;
