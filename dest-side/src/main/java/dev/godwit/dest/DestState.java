package dev.godwit.dest;

import dev.godwit.proto.v1.HandoverState;
import dev.godwit.wire.PeerError;

/**
 * What the destination may do with the machine. Pure: {@link #next} is all there is to it, and what
 * the destination does follows from the state it is in.
 *
 * <pre>
 *   Waiting ──Accepted──► Receiving ──Complete──► Prepared ──Commit──► Starting ──Unmarked──► Unmarked
 *                             │                      │                    │  StartFailed           │ │ Started
 *                             └──────GaveUp──────────┴──► Aborted ◄───────┴────────────────────────┘ ▼
 *                                                                               Over ◄──Released── Running
 * </pre>
 *
 * <p>The machine runs in Running only, which only COMMIT leads to. Aborted is for good: whatever
 * comes later, the machine never runs here, so that a source which asks and hears it may run its
 * own.
 */
public sealed interface DestState {
  /** No machine. */
  record Waiting() implements DestState {}

  /** A machine is arriving. */
  record Receiving() implements DestState {}

  /** It is complete, restored, and stands. */
  record Prepared() implements DestState {}

  /** COMMIT has come; the mark that says that it was not started is being taken away. */
  record Starting() implements DestState {}

  /** The mark is gone; it is about to run. */
  record Unmarked() implements DestState {}

  /** It runs, and the source may still ask about it. */
  record Running() implements DestState {}

  /** It runs, and the source knows. */
  record Over() implements DestState {}

  /**
   * It does not run here and never will.
   *
   * @param error why
   */
  record Aborted(PeerError error) implements DestState {}

  /** What can happen. */
  sealed interface Event {
    /** A source's machine passed the preflight. */
    record Accepted() implements Event {}

    /** All of the state has come, was verified and restored. */
    record Complete() implements Event {}

    /** The source hands over. */
    record Commit() implements Event {}

    /** The mark that says that the machine was not started has been taken away for certain. */
    record Unmarked() implements Event {}

    /** The machine runs. */
    record Started() implements Event {}

    /**
     * The machine could not be started; it has been destroyed.
     *
     * @param error why
     */
    record StartFailed(PeerError error) implements Event {}

    /**
     * Something failed, a deadline passed, or the source aborts.
     *
     * @param error why
     */
    record GaveUp(PeerError error) implements Event {}

    /** The source has destroyed its copy. */
    record Released() implements Event {}
  }

  /** Returns the state after an event; the same state if the event means nothing in it. */
  static DestState next(DestState state, Event event) {
    return switch (state) {
      case Waiting s ->
          switch (event) {
            case Event.Accepted e -> new Receiving();
            case Event.GaveUp e -> new Aborted(e.error());
            case Event.Complete e -> s;
            case Event.Commit e -> s;
            case Event.Unmarked e -> s;
            case Event.Started e -> s;
            case Event.StartFailed e -> s;
            case Event.Released e -> s;
          };
      case Receiving s ->
          switch (event) {
            case Event.Complete e -> new Prepared();
            case Event.GaveUp e -> new Aborted(e.error());
            case Event.Accepted e -> s;
            case Event.Commit e -> s;
            case Event.Unmarked e -> s;
            case Event.Started e -> s;
            case Event.StartFailed e -> s;
            case Event.Released e -> s;
          };
      case Prepared s ->
          switch (event) {
            case Event.Commit e -> new Starting();
            case Event.GaveUp e -> new Aborted(e.error());
            case Event.Accepted e -> s;
            case Event.Complete e -> s;
            case Event.Unmarked e -> s;
            case Event.Started e -> s;
            case Event.StartFailed e -> s;
            case Event.Released e -> s;
          };
      case Starting s ->
          switch (event) {
            case Event.Unmarked e -> new Unmarked();
            case Event.StartFailed e -> new Aborted(e.error());
            case Event.Accepted e -> s;
            case Event.Complete e -> s;
            case Event.Commit e -> s;
            case Event.Started e -> s;
            case Event.GaveUp e -> s;
            case Event.Released e -> s;
          };
      case Unmarked s ->
          switch (event) {
            case Event.Started e -> new Running();
            case Event.StartFailed e -> new Aborted(e.error());
            case Event.Accepted e -> s;
            case Event.Complete e -> s;
            case Event.Commit e -> s;
            case Event.Unmarked e -> s;
            case Event.GaveUp e -> s;
            case Event.Released e -> s;
          };
      case Running s -> event instanceof Event.Released ? new Over() : s;
      case Over s -> s;
      case Aborted s -> s;
    };
  }

  /** Returns what a source is told that asks about the machine. */
  default HandoverState answer() {
    return switch (this) {
      case Waiting s -> HandoverState.HANDOVER_STATE_UNKNOWN_TOKEN;
      case Receiving s -> HandoverState.HANDOVER_STATE_RECEIVING;
      // Told to commit again, it hears the outcome of the first.
      case Prepared s -> HandoverState.HANDOVER_STATE_PREPARED;
      case Starting s -> HandoverState.HANDOVER_STATE_PREPARED;
      case Unmarked s -> HandoverState.HANDOVER_STATE_PREPARED;
      case Running s -> HandoverState.HANDOVER_STATE_RUNNING;
      case Over s -> HandoverState.HANDOVER_STATE_RUNNING;
      case Aborted s -> HandoverState.HANDOVER_STATE_ABORTED;
    };
  }
}
