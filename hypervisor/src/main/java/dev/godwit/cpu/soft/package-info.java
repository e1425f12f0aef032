/**
 * The CPU engine {@code soft}: an x86-64 processor in pure Java.
 *
 * <p>Guest code is decoded once into blocks of {@link dev.godwit.cpu.soft.Insn} nodes and executed
 * from a cache; addresses go through a software TLB. Depends on {@code cpu}, {@code bus}, {@code
 * clock} and guest memory. Each vCPU is confined to its thread; what other threads may touch is
 * marked volatile in {@link dev.godwit.cpu.soft.SoftCpu}.
 */
@NullMarked
package dev.godwit.cpu.soft;

import org.jspecify.annotations.NullMarked;
