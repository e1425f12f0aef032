package dev.godwit.e2e.handover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.dest.DestState;
import dev.godwit.e2e.handover.HandoverModel.Violation;
import dev.godwit.e2e.handover.HandoverModel.Witness;
import dev.godwit.source.HandoverAnswer;
import dev.godwit.source.MigrationException;
import dev.godwit.source.SourceState;
import org.junit.jupiter.api.Test;

class HandoverModelTest {
  @Test
  void neverTwoNeverNoneAndAlwaysAnEnd() {
    HandoverModel model = new HandoverModel(SourceState::next, DestState::next, Witness::look);
    Violation violation = model.explore();
    System.out.println(model.worlds() + " worlds of the handover were explored");
    assertNull(violation, () -> "" + violation);
    assertTrue(model.worlds() > 100, () -> "only " + model.worlds() + " worlds were explored");
  }

  private static void assertFound(String rule, HandoverModel model) {
    Violation violation = model.explore();
    assertNotNull(violation, "the planted bug was not found");
    assertEquals(rule, violation.rule(), () -> String.join("\n", violation.path()));
  }

  @Test
  void findsASourceThatResumesWhenTheAnswerToCommitIsLost() {
    assertFound(
        "two machines run",
        new HandoverModel(
            (state, event) ->
                state instanceof SourceState.Committing
                        && event instanceof SourceState.Event.Answered(HandoverAnswer.Unknown u)
                    ? new SourceState.Kept(MigrationException.Code.PEER_LOST, "planted")
                    : SourceState.next(state, event),
            DestState::next,
            Witness::look));
  }

  @Test
  void findsASourceThatObeysACancelAfterCommit() {
    assertFound(
        "two machines run",
        new HandoverModel(
            (state, event) ->
                state instanceof SourceState.Asking && event instanceof SourceState.Event.Failed
                    ? new SourceState.Kept(MigrationException.Code.CANCELLED, "planted")
                    : SourceState.next(state, event),
            DestState::next,
            Witness::look));
  }

  @Test
  void findsADestinationThatRunsByItselfWhenTheSourceFallsSilent() {
    assertFound(
        "two machines run",
        new HandoverModel(
            SourceState::next,
            (state, event) ->
                state instanceof DestState.Prepared && event instanceof DestState.Event.GaveUp
                    ? new DestState.Running()
                    : DestState.next(state, event),
            Witness::look));
  }

  @Test
  void findsADestinationThatObeysALateCommit() {
    assertFound(
        "two machines run",
        new HandoverModel(
            SourceState::next,
            (state, event) ->
                state instanceof DestState.Aborted && event instanceof DestState.Event.Commit
                    ? new DestState.Starting()
                    : DestState.next(state, event),
            Witness::look));
  }

  @Test
  void findsADestinationThatAbortsAMachineThatRuns() {
    assertFound(
        "no machine is left though both processes live",
        new HandoverModel(
            SourceState::next,
            (state, event) ->
                state instanceof DestState.Running && event instanceof DestState.Event.GaveUp e
                    ? new DestState.Aborted(e.error())
                    : DestState.next(state, event),
            Witness::look));
  }

  /** The mark is taken away only when the machine runs already. */
  @Test
  void findsADestinationThatStartsBeforeItsMarkIsGone() {
    assertFound(
        "the source took back a machine that may have run elsewhere",
        new HandoverModel(
            SourceState::next,
            (state, event) ->
                state instanceof DestState.Starting && event instanceof DestState.Event.Started
                    ? new DestState.Running()
                    : DestState.next(state, event),
            Witness::look));
  }

  /** A process that is stopped, or slow, is taken for a dead one. */
  @Test
  void findsAWitnessThatDeclaresALivingDestinationDead() {
    assertFound(
        "two machines run",
        new HandoverModel(
            SourceState::next,
            DestState::next,
            (witness, listening, marked) -> Witness.look(witness, false, marked)));
  }

  /**
   * The mark may be taken away, and the machine run, and its process die, between the two looks.
   */
  @Test
  void findsAWitnessThatLooksForTheMarkBeforeItKnowsOfTheDeath() {
    assertFound(
        "the source took back a machine that may have run elsewhere",
        new HandoverModel(
            SourceState::next,
            DestState::next,
            (witness, listening, marked) ->
                switch (witness) {
                  case ASKED -> marked ? Witness.HALF_PROVEN : Witness.IDLE;
                  case HALF_PROVEN -> listening ? Witness.IDLE : Witness.PROVEN;
                  case IDLE, PROVEN -> Witness.IDLE;
                }));
  }

  /** The absence of a mark may be its loss. */
  @Test
  void findsAWitnessThatTakesAMarkThatIsNotThereForAProof() {
    assertFound(
        "the source took back a machine that may have run elsewhere",
        new HandoverModel(
            SourceState::next,
            DestState::next,
            (witness, listening, marked) -> Witness.look(witness, listening, true)));
  }
}
