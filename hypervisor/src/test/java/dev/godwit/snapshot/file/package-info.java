/** Claims on snapshot files, and the means to forge them for other modules' tests. Test code. */
@NullMarked
package dev.godwit.snapshot.file;

import org.jspecify.annotations.NullMarked;
