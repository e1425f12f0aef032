package dev.godwit.cli.terminal;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.function.Consumer;

/** Carries standard input to a machine's console, until it ends or the escape key is pressed. */
public final class KeyboardPump {
  /** Ctrl-]: leaves a console, as with telnet(1). */
  public static final int ESCAPE = 0x1D;

  private static final int BUFFER_BYTES = 4096;

  private KeyboardPump() {}

  /**
   * Starts to carry, on a daemon thread.
   *
   * @param escape whether {@link #ESCAPE} leaves; otherwise it is a byte like others
   * @param console takes the bytes
   * @param left called once when the escape key was pressed
   */
  public static void start(
      InputStream input, boolean escape, Consumer<byte[]> console, Runnable left) {
    Thread.ofPlatform()
        .daemon()
        .name("keyboard")
        .start(
            () -> {
              try {
                if (pump(input, escape, console)) {
                  left.run();
                }
              } catch (IOException e) {
                // Standard input is gone: the same as its end.
              }
            });
  }

  /** Returns true when the escape key was pressed, false at the end of the input. */
  static boolean pump(InputStream input, boolean escape, Consumer<byte[]> console)
      throws IOException {
    byte[] buffer = new byte[BUFFER_BYTES];
    while (true) {
      int count = input.read(buffer);
      if (count < 0) {
        return false;
      }
      int end = escape ? indexOfEscape(buffer, count) : count;
      if (end > 0) {
        console.accept(Arrays.copyOf(buffer, end));
      }
      if (end < count) {
        return true;
      }
    }
  }

  private static int indexOfEscape(byte[] buffer, int count) {
    int i = 0;
    while (i < count && buffer[i] != ESCAPE) {
      i++;
    }
    return i;
  }
}
