/**
 * Guest RAM and the set of pages that changed in it.
 *
 * <p>Knows nothing of machines or networks and depends on nothing but the JDK. Every thread may
 * enter: vCPU threads and device threads store and mark, one harvesting thread at a time collects.
 * The memory ordering that makes this correct is written at {@link dev.godwit.memory.DirtyMap}.
 */
@NullMarked
package dev.godwit.memory;

import org.jspecify.annotations.NullMarked;
