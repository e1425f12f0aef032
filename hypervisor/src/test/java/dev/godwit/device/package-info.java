/** The contract suite that runs on every device, and what device tests share. */
@NullMarked
package dev.godwit.device;

import org.jspecify.annotations.NullMarked;
