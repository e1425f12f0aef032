/**
 * The commands a user types: parsing, progress display, exit codes.
 *
 * <p>May depend on every module below it, and is depended on by none but the end-to-end tests. The
 * thread that enters is the process's main thread.
 */
@NullMarked
package dev.godwit.cli;

import org.jspecify.annotations.NullMarked;
