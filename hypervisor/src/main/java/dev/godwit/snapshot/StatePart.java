package dev.godwit.snapshot;

/**
 * What a part of the machine declares about its state: that it has some, or that it has none. There
 * is no default, so that a part cannot forget.
 */
public sealed interface StatePart permits SavedPart, StatelessPart {}
