/** Tests of the taking half of a migration that need no process of their own. */
@NullMarked
package dev.godwit.dest;

import org.jspecify.annotations.NullMarked;
