/**
 * The demonstration: a real Linux boots in one process, moves to another while it runs, and it is
 * checked that nothing was lost.
 *
 * <p>Depends on the control API and the guest assets; its machines are child processes like any
 * other. Threads: the script has one; console output arrives on others.
 */
@NullMarked
package dev.godwit.cli.demo;

import org.jspecify.annotations.NullMarked;
