package dev.godwit.dest;

import dev.godwit.dest.HostEnvironment.Reservation;
import dev.godwit.machine.Machine;
import dev.godwit.stream.StreamHeader;
import dev.godwit.stream.StreamMetadata;

/**
 * A machine that has arrived and runs, or is paused as it was.
 *
 * @param machine the machine; the caller's from now on
 * @param name its name, reserved; the caller's to release
 * @param header what the source said first
 * @param metadata what it said last
 * @param restoreNanos how long restoring and checking took, under the source's lock
 * @param skippedNanos the downtime by which guest time was advanced
 */
public record Received(
    Machine machine,
    Reservation name,
    StreamHeader header,
    StreamMetadata metadata,
    long restoreNanos,
    long skippedNanos) {}
