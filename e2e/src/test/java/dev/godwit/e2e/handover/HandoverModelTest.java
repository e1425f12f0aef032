package dev.godwit.e2e.handover;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.dest.DestState;
import dev.godwit.e2e.handover.HandoverModel.Violation;
import dev.godwit.source.HandoverAnswer;
import dev.godwit.source.MigrationException;
import dev.godwit.source.SourceState;
import org.junit.jupiter.api.Test;

class HandoverModelTest {
  @Test
  void neverTwoNeverNoneAndAlwaysAnEnd() {
    HandoverModel model = new HandoverModel(SourceState::next, DestState::next);
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
            DestState::next));
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
            DestState::next));
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
                    : DestState.next(state, event)));
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
                    : DestState.next(state, event)));
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
                    : DestState.next(state, event)));
  }
}
