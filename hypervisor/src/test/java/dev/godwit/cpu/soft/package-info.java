/** Tests of the soft engine: guest code as bytes, run on a vCPU with a bare machine around it. */
@NullMarked
package dev.godwit.cpu.soft;

import org.jspecify.annotations.NullMarked;
