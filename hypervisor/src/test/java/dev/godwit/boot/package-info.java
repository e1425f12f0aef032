/** Claims about what a machine finds in its RAM when it starts. */
@NullMarked
package dev.godwit.boot;

import org.jspecify.annotations.NullMarked;
