package dev.godwit.e2e.chaos;

/** What can go wrong. */
enum FaultKind {
  /** All connections are reset; new ones pass. */
  CUT,
  /** All connections are reset, and so are new ones, for a while or for good. */
  CUT_OFF,
  /** The connection is closed in an orderly way. */
  CLOSE,
  /** What the source says vanishes, for a while or for good; the connections stay open. */
  SWALLOW_FROM_SOURCE,
  /** What the destination says vanishes, for a while or for good; the connections stay open. */
  SWALLOW_FROM_DESTINATION,
  /** Nothing passes for a moment, then all of it. */
  STALL,
  /** Nothing passes for longer than either side waits, then all of it. */
  FREEZE,
  /** Everything comes late from now on. */
  DELAY,
  /** The link is slow from now on. */
  LIMIT,
  /** One bit of the message is another one. */
  CORRUPT,
  /** The message changes places with the next of its call, or with those of other calls. */
  REORDER,
  /** SIGKILL. */
  KILL_DESTINATION,
  /** SIGKILL. */
  KILL_SOURCE,
  /** SIGSTOP, and SIGCONT soon. */
  PAUSE_DESTINATION,
  /** SIGSTOP, and SIGCONT soon. */
  PAUSE_SOURCE,
  /** SIGSTOP, and SIGCONT after longer than the other side waits. */
  FREEZE_DESTINATION,
  /** SIGSTOP, and SIGCONT after longer than the other side waits. */
  FREEZE_SOURCE,
  /** The user cancels. */
  CANCEL
}
