/** Claims about the host's side of devices. */
@NullMarked
package dev.godwit.backend;

import org.jspecify.annotations.NullMarked;
