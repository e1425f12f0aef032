package dev.godwit.source;

/**
 * Who owns the machine, as the source knows it. Pure: {@link #next} is all there is to it, and what
 * the source does follows from the state it is in.
 *
 * <pre>
 *   Copying ──Complete──► Prepared ──CommitDecided──► Committing ◄──Ready── Asking
 *      │                     │                          │  │ ──Unknown──────►│ ▲ │
 *      └──────Failed─────────┴──► Kept ◄──Never─────────┘  └──Taken──┐       │ └─┘ Unknown
 *                                  ▲                                 ▼       │
 *                                  └──Never, ForceResume──────── GivenAway ◄─┘ Taken, ForceStop
 *
 *   NeverStarted leads where Never does.
 * </pre>
 *
 * <p>Committing is the point of no return: from there on the source runs the machine only when the
 * sink says that it never will, when it is proven to be dead without having started it, or when a
 * person who knows better says so. A failure, a cancel or a lost answer is not enough.
 */
public sealed interface SourceState {
  /** The machine is the source's, and it runs but for the last pages. */
  record Copying() implements SourceState {}

  /** The sink is complete. The machine is the source's, and stands. */
  record Prepared() implements SourceState {}

  /**
   * The sink is being told to take the machine, which stands.
   *
   * @param attempt 1, 2, 3 …
   */
  record Committing(int attempt) implements SourceState {}

  /**
   * It was told, and nobody here knows whether it heard; it is being asked. The machine stands.
   *
   * @param attempt as in {@link Committing}
   * @param why what happened to the last answer
   */
  record Asking(int attempt, String why) implements SourceState {}

  /**
   * The machine is the source's for good, and goes on.
   *
   * @param code what kind of failure ended the migration
   * @param why what ended it; {@code TAKEN_BY_FORCE} means that a person decided, without the
   *     sink's answer
   */
  record Kept(MigrationException.Code code, String why) implements SourceState {}

  /**
   * The machine is the sink's for good; the copy here is destroyed.
   *
   * @param byForce whether a person decided it without knowing the sink's answer
   */
  record GivenAway(boolean byForce) implements SourceState {}

  /** What can happen. */
  sealed interface Event {
    /** The sink says that it is complete. */
    record Complete() implements Event {}

    /** The source decides to hand over. */
    record CommitDecided() implements Event {}

    /**
     * The sink's answer to COMMIT or to a question, or its absence.
     *
     * @param answer what it said
     */
    record Answered(HandoverAnswer answer) implements Event {}

    /**
     * Something failed, a deadline passed, or the user cancelled.
     *
     * @param code what kind of failure
     * @param why what
     */
    record Failed(MigrationException.Code code, String why) implements Event {}

    /** A person takes the machine back, who knows that it does not run at the sink. */
    record ForceResume() implements Event {}

    /** A person gives the machine up, who knows that it runs at the sink. */
    record ForceStop() implements Event {}
  }

  /** Returns the state after an event; the same state if the event means nothing in it. */
  static SourceState next(SourceState state, Event event) {
    return switch (state) {
      case Copying s ->
          switch (event) {
            case Event.Complete e -> new Prepared();
            case Event.Failed e -> new Kept(e.code(), e.why());
            case Event.CommitDecided e -> s;
            case Event.Answered e -> s;
            case Event.ForceResume e -> s;
            case Event.ForceStop e -> s;
          };
      case Prepared s ->
          switch (event) {
            case Event.CommitDecided e -> new Committing(1);
            case Event.Failed e -> new Kept(e.code(), e.why());
            case Event.Complete e -> s;
            case Event.Answered e -> s;
            case Event.ForceResume e -> s;
            case Event.ForceStop e -> s;
          };
      case Committing s -> undecided(s, s.attempt(), event);
      case Asking s -> undecided(s, s.attempt(), event);
      case Kept s -> s;
      case GivenAway s -> s;
    };
  }

  private static SourceState undecided(SourceState state, int attempt, Event event) {
    return switch (event) {
      case Event.Answered(HandoverAnswer.Taken answer) -> new GivenAway(false);
      case Event.Answered(HandoverAnswer.Never answer) -> new Kept(answer.code(), answer.reason());
      case Event.Answered(HandoverAnswer.NeverStarted answer) ->
          new Kept(MigrationException.Code.PEER_LOST, answer.reason());
      case Event.Answered(HandoverAnswer.Ready answer) -> new Committing(attempt + 1);
      case Event.Answered(HandoverAnswer.Unknown answer) -> new Asking(attempt, answer.reason());
      case Event.ForceResume e ->
          new Kept(
              MigrationException.Code.TAKEN_BY_FORCE, "a person took the machine back by force");
      case Event.ForceStop e -> new GivenAway(true);
      case Event.Failed e -> state;
      case Event.Complete e -> state;
      case Event.CommitDecided e -> state;
    };
  }
}
