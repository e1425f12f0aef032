/**
 * The guest that Godwit shows and tests itself with: Debian's stock cloud kernel, busybox, and the
 * project's own guest program, fetched, checked, cached and made into an initramfs.
 *
 * <p>Depends on the JDK and Gson alone, and on the host's {@code apt-get}, {@code apt-cache},
 * {@code dpkg-deb} and {@code gcc}. Nothing here knows of machines. Entered by one thread at a time
 * per process; processes are kept apart by a file lock.
 */
@NullMarked
package dev.godwit.guest;

import org.jspecify.annotations.NullMarked;
