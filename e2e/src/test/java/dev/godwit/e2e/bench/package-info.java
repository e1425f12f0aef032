/** Tests of what the benchmarks measure with. Threads: each test's own. */
@NullMarked
package dev.godwit.e2e.bench;

import org.jspecify.annotations.NullMarked;
