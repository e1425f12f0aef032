/**
 * Floating point and SIMD arithmetic of the software CPU: IEEE 754 single and double as SSE does
 * it, the x87's 80-bit extended precision, and packed integers.
 *
 * <p>Pure: depends on nothing of Godwit but nullness annotations, knows no guest memory and raises
 * no guest exception. Callers get result bits and exception flags, and decide. Objects of this
 * package are scratch space of one vCPU and are entered by that vCPU's thread only.
 */
@NullMarked
package dev.godwit.cpu.soft.fpu;

import org.jspecify.annotations.NullMarked;
