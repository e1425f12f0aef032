package dev.godwit.e2e.oracle;

/** Something that executes a {@link RunnerImage}. */
interface CaseMachine {
  /** Runs the image from its start to its end. */
  BatchResult run(RunnerImage image);
}
