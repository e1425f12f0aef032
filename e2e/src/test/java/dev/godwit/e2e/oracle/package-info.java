/** The soft CPU against QEMU: a fixed set of seeds, kept cases, and a proof that bugs are found. */
@NullMarked
package dev.godwit.e2e.oracle;

import org.jspecify.annotations.NullMarked;
