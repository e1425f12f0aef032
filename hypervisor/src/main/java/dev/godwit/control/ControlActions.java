package dev.godwit.control;

import dev.godwit.backend.Console;
import java.time.Duration;
import java.util.function.Consumer;

/**
 * What a machine's process does when it is asked. Every method may be called by any thread, several
 * at once, and may block; each throws {@link ControlException} (or {@link
 * dev.godwit.machine.MachineException}) for what cannot be done.
 */
public interface ControlActions {
  /** Returns how the machine is. */
  MachineStatus status();

  /** Pauses the machine; returns when it stands. */
  void pause();

  /**
   * Lets a paused machine run.
   *
   * @param force also one that waits after a COMMIT whose answer was lost for good
   */
  void resume(boolean force);

  /**
   * Ends the machine, or a process that still waits for one; returns when it has ended.
   *
   * @param force at once instead of by the power button
   * @param timeout how long the guest has to power off before it is ended all the same; zero: for
   *     ever
   * @return how it ended, a sentence
   */
  String stop(boolean force, Duration timeout);

  /** Returns the console; {@code WRONG_STATE} while there is no machine yet. */
  Console console();

  /**
   * Migrates the machine; returns when that is over.
   *
   * @param progress gets events while it runs; must return soon
   * @return the last event: done, failed or cancelled
   */
  TransferEvent migrate(MigrateOrder order, Consumer<TransferEvent> progress);

  /**
   * Writes a snapshot; returns when that is over.
   *
   * @param progress gets events while it runs; must return soon
   * @return the last event: done, failed or cancelled
   */
  TransferEvent snapshot(SnapshotOrder order, Consumer<TransferEvent> progress);

  /** Cancels the migration or snapshot in flight. Returns false if there is none, or too late. */
  boolean cancelTransfer();
}
