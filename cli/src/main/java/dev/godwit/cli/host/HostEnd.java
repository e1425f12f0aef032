package dev.godwit.cli.host;

import dev.godwit.cli.ExitStatus;

/**
 * How a machine's process ends.
 *
 * @param status its exit status
 * @param sentence what happened, for its user
 */
public record HostEnd(ExitStatus status, String sentence) {}
