package dev.godwit.backend;

/**
 * The far end of a serial line. Its methods never block; the UART calls them with its lock held.
 */
public interface SerialLine {
  /** Takes one byte that the guest sent. */
  void transmit(int octet);

  /** Returns the next byte for the guest, 0–255, or -1 if there is none. */
  int receive();

  /**
   * Sets what is to be called, on any thread and without locks, whenever {@link #receive} may have
   * something again after it had nothing.
   */
  void onInput(Runnable arrived);

  /** Returns a line with nobody at the far end. */
  static SerialLine unconnected() {
    return new SerialLine() {
      @Override
      public void transmit(int octet) {}

      @Override
      public int receive() {
        return -1;
      }

      @Override
      public void onInput(Runnable arrived) {}
    };
  }
}
