/**
 * Tests of the package of the same name.
 *
 * <p>Depends on it and on nothing else. Threads: none.
 */
@NullMarked
package dev.godwit.source;

import org.jspecify.annotations.NullMarked;
