/** Claims about the control API, over real sockets. */
@NullMarked
package dev.godwit.control;

import org.jspecify.annotations.NullMarked;
