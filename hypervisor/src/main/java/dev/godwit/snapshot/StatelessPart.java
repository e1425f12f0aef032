package dev.godwit.snapshot;

/**
 * A part that has no state of its own.
 *
 * @param name the part
 * @param reason why a machine loses nothing without it
 */
public record StatelessPart(String name, String reason) implements StatePart {}
