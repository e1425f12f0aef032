/**
 * The user's terminal: raw mode, a console session on it, and lines that overwrite themselves.
 *
 * <p>Depends on the JDK only. Threads: a session has one that reads standard input; whatever thread
 * a machine's output arrives on writes it.
 */
@NullMarked
package dev.godwit.cli.terminal;

import org.jspecify.annotations.NullMarked;
