/**
 * A snapshot on disk: FILE (RAM), FILE.kern (header, checksums of RAM, sections, metadata) and
 * FILE.meta (JSON, with digests of both). Written and read strictly here; inspected leniently. See
 * docs/snapshot-format.md.
 *
 * <p>Depends on {@code stream}, {@code snapshot}, {@code machine}'s configuration and the generated
 * messages. No threads of its own; nothing in it is shared between threads unless it says so.
 */
@NullMarked
package dev.godwit.snapshot.file;

import org.jspecify.annotations.NullMarked;
