/**
 * The differential oracle of the soft CPU: one bare-metal runner image, executed by QEMU (TCG) and
 * by the engine {@code soft}, over generated instruction sequences in every mode; all registers,
 * flags, memory and exceptions are compared. e2e/README.md says how to run it.
 *
 * <p>Depends on the hypervisor's CPU interface and guest memory, and on QEMU and binutils as
 * programs. Threads: the caller's; a vCPU runs on it.
 */
@NullMarked
package dev.godwit.e2e.oracle;

import org.jspecify.annotations.NullMarked;
