/** Claims about the machine's time. */
@NullMarked
package dev.godwit.clock;

import org.jspecify.annotations.NullMarked;
