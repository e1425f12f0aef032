package dev.godwit.stream;

import com.google.protobuf.ByteString;

/**
 * What a stream says last; its presence proves that what came before is complete.
 *
 * @param machineName the machine's name
 * @param takenAtMillis Unix time of the lock, in milliseconds
 * @param guestNanos guest nanoseconds since power-on at the lock
 * @param sectionsSha256 SHA-256 over the sections' payloads in order
 * @param ramDigest {@link dev.godwit.memory.RamDigest} under the lock; 0 when it was not taken
 * @param memoryPages pages carried, in all rounds
 * @param zeroPages how many of them were zero
 * @param paused whether the machine was paused by its user, and stays so
 */
public record StreamMetadata(
    String machineName,
    long takenAtMillis,
    long guestNanos,
    ByteString sectionsSha256,
    long ramDigest,
    long memoryPages,
    long zeroPages,
    boolean paused) {}
