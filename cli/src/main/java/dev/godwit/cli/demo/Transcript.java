package dev.godwit.cli.demo;

import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Everything that a guest writes to its console, wherever it runs. Thread-safe. */
public final class Transcript {
  private final StringBuilder text = new StringBuilder();
  private long droppedBytes;
  private int open;

  /** Returns a listener that appends what one process's console gives. */
  public synchronized ControlClient.ConsoleListener listener() {
    open++;
    return new ControlClient.ConsoleListener() {
      @Override
      public void output(byte[] bytes, long dropped) {
        append(new String(bytes, StandardCharsets.ISO_8859_1), dropped);
      }

      @Override
      public void closed(@Nullable ControlException error) {
        close();
      }
    };
  }

  private synchronized void append(String more, long dropped) {
    text.append(more);
    droppedBytes += dropped;
    notifyAll();
  }

  private synchronized void close() {
    open--;
    notifyAll();
  }

  /** Returns all of it. */
  public synchronized String text() {
    return text.toString();
  }

  /** Returns how much of the output was lost because it was not read in time. */
  public synchronized long droppedBytes() {
    return droppedBytes;
  }

  /**
   * Waits until every console that it listens to has said its last.
   *
   * @return whether that was in time
   */
  public synchronized boolean awaitClosed(Duration patience) throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (open > 0 && deadline - System.nanoTime() > 0) {
      wait(Math.max(1, (deadline - System.nanoTime()) / 1_000_000));
    }
    return open == 0;
  }

  /**
   * Waits for something in the text.
   *
   * @return whether it came in time
   */
  public synchronized boolean await(Predicate<String> wanted, Duration patience)
      throws InterruptedException {
    long deadline = System.nanoTime() + patience.toNanos();
    while (!wanted.test(text.toString())) {
      long left = deadline - System.nanoTime();
      if (left <= 0) {
        return false;
      }
      wait(Math.min(1000, Math.max(1, left / 1_000_000)));
    }
    return true;
  }
}
