package dev.godwit.snapshot;

import com.google.protobuf.Message;

/**
 * A part of the machine that has state in the stream. Called under the lock of all vCPUs, with the
 * clock frozen.
 *
 * @param <M> the payload's message
 */
public non-sealed interface SavedPart<M extends Message> extends StatePart {
  /** Returns the kind of its section. */
  SectionKind<M> kind();

  /** Returns which one of its kind it is: "com1", "0". */
  String instance();

  /** Returns the whole state. Changes nothing: the machine may go on. */
  M save();

  /**
   * Replaces the whole state, timers armed and lines driven as they were. Guest RAM may still be
   * arriving, so it is not looked at.
   *
   * @throws SnapshotException {@code BAD_VALUE} for what no such part could have written; the part
   *     is unchanged then
   */
  void restore(M state);
}
