/** Tests of the arithmetic by itself, against the host's CPU. */
@NullMarked
package dev.godwit.cpu.soft.fpu;

import org.jspecify.annotations.NullMarked;
