/** Tests of the debug ports. */
@NullMarked
package dev.godwit.device.debug;

import org.jspecify.annotations.NullMarked;
