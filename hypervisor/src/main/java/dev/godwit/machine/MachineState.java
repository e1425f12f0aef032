package dev.godwit.machine;

/**
 * Where a machine is in its life. The lock of all vCPUs is orthogonal: it can be taken in every
 * state but Stopped.
 */
public sealed interface MachineState {
  /** Built or restored, never run in this process. */
  record Created() implements MachineState {}

  /** The guest executes, unless the vCPUs are locked for a moment. */
  record Running() implements MachineState {}

  /** Paused by the user; guest time stands still. */
  record Paused() implements MachineState {}

  /**
   * Ended for good.
   *
   * @param reason why
   * @param detail a sentence for the user
   */
  record Stopped(StopReason reason, String detail) implements MachineState {}

  /** Why a machine ended. */
  enum StopReason {
    /** The guest powered off. */
    POWER_OFF,
    /** The guest asked for a reset. */
    RESET,
    /** The guest ended it with a status, by the debug exit port. */
    GUEST_EXIT,
    /** A triple fault. */
    TRIPLE_FAULT,
    /** The user ended it. */
    DESTROYED,
    /** It runs elsewhere now. */
    MIGRATED,
    /** It was suspended into a snapshot. */
    SUSPENDED,
    /** The engine or a device failed: our bug. */
    FAILED
  }
}
