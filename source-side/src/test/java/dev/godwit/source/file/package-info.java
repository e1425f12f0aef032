/** Claims on the order in which a snapshot's files get their names. Test code. */
@NullMarked
package dev.godwit.source.file;

import org.jspecify.annotations.NullMarked;
