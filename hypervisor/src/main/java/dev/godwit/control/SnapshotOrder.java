package dev.godwit.control;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * A snapshot as its user wants it.
 *
 * @param file the RAM file, absolute; {@code FILE.kern} and {@code FILE.meta} stand beside it
 * @param suspend end the machine when the snapshot is durable
 * @param maxDowntime the pause that is allowed; zero: the default
 * @param base FILE of the snapshot since which it has only what changed, absolute; empty for a full
 *     one
 */
public record SnapshotOrder(
    Path file, boolean suspend, Duration maxDowntime, Optional<Path> base) {}
