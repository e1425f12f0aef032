/**
 * Migrations under fault, as many as `mvn verify` has time for, and the proof that their oracle can
 * fail.
 *
 * <p>Depends on the package of the same name. Threads: see there.
 */
@NullMarked
package dev.godwit.e2e.chaos;

import org.jspecify.annotations.NullMarked;
