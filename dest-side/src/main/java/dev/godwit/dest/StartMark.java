package dev.godwit.dest;

/**
 * Shows on this host, also after the death of this process, that it has not started a machine. It
 * is there before the source can be told PREPARED, and taken away before the first vCPU may run: so
 * a source whose destination died in between can be told that its machine never ran.
 *
 * <p>Its loss is harmless: it proves nothing then.
 */
public interface StartMark {
  /** Where there is none. */
  StartMark NONE =
      new StartMark() {
        @Override
        public void remove() {}

        @Override
        public void abandon() {}
      };

  /**
   * Takes it away; to be closed as well, later.
   *
   * @throws RuntimeException if that is not certain; then the machine must never be started
   */
  void remove();

  /**
   * This process speaks for the machine no more: a mark that was not taken away says from now on,
   * as if the process were dead, that the machine was never started. Idempotent; never throws.
   */
  void abandon();
}
