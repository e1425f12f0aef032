package dev.godwit.source;

/** What a sink knows of a machine after it was told to take it. */
public sealed interface HandoverAnswer {
  /**
   * The sink has the machine for good: it runs at the destination, or the snapshot is durable.
   *
   * @param stoppedNanos for how long it stood until it ran there; 0 if that is not known
   */
  record Taken(long stoppedNanos) implements HandoverAnswer {
    /** It is not known how long it stood. */
    public Taken() {
      this(0);
    }
  }

  /** The sink is ready to take it but was not told to, as far as it knows. */
  record Ready() implements HandoverAnswer {}

  /**
   * The sink does not have the machine and never will.
   *
   * @param code what kind of failure
   * @param reason a sentence for the user
   */
  record Never(MigrationException.Code code, String reason) implements HandoverAnswer {}

  /**
   * The sink's process is dead, and it is certain that it never started the machine: somebody else
   * there says so.
   *
   * @param reason a sentence for the user
   */
  record NeverStarted(String reason) implements HandoverAnswer {}

  /**
   * No answer: nobody here knows.
   *
   * @param reason what happened to the question
   */
  record Unknown(String reason) implements HandoverAnswer {}
}
