package dev.godwit.e2e.linux;

import dev.godwit.cli.demo.Heartbeats;
import dev.godwit.control.ControlClient;
import dev.godwit.control.ControlException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** All that a guest says on its console, on whichever host it is. Thread-safe. */
final class Transcript {
  private static final long PATIENCE_NANOS = 240_000_000_000L;

  private final StringBuilder text = new StringBuilder();
  private int open;

  /** Follows the console of a machine; the scroll-back comes first if asked for. */
  ControlClient.ConsoleSession follow(ControlClient client, boolean scrollBack) {
    synchronized (this) {
      open++;
    }
    return client.console(
        scrollBack,
        new ControlClient.ConsoleListener() {
          @Override
          public void output(byte[] bytes, long droppedBytes) {
            append(new String(bytes, StandardCharsets.ISO_8859_1));
          }

          @Override
          public void closed(@Nullable ControlException error) {
            ended();
          }
        });
  }

  private synchronized void append(String more) {
    text.append(more);
    notifyAll();
  }

  private synchronized void ended() {
    open--;
    notifyAll();
  }

  synchronized String text() {
    return text.toString();
  }

  /** Returns how much there is by now: a place from which {@link #await} can look. */
  synchronized int position() {
    return text.length();
  }

  /** Waits until every console that is followed has said its last. */
  synchronized void awaitClosed() throws InterruptedException {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (open > 0) {
      wait(1000);
      if (System.nanoTime() > deadline) {
        throw new AssertionError("the console stays open");
      }
    }
  }

  /** Waits for a match of a regular expression after a position. */
  synchronized Matcher await(String regex, int from) throws InterruptedException {
    Pattern pattern = Pattern.compile(regex);
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    while (true) {
      Matcher matcher = pattern.matcher(text.toString());
      if (matcher.find(Math.min(from, text.length()))) {
        return matcher;
      }
      if (System.nanoTime() > deadline) {
        int tail = Math.max(0, text.length() - 2000);
        throw new AssertionError("no match of " + regex + " in: …" + text.substring(tail));
      }
      wait(1000);
    }
  }

  /** Waits for a number of heartbeats after a position. */
  void awaitBeats(int count, int from) throws InterruptedException {
    await("(?s)(HB \\d+ boot=.*?){" + count + "}\\n", from);
  }

  /** Waits for a whole pass of the working set after a position. */
  void awaitPasses(int count, int from) throws InterruptedException {
    await("(?s)(WS pass=\\d+.*?){" + count + "}\\n", from);
  }

  /** Returns the verdict over all heartbeats. */
  Heartbeats.Verdict heartbeats() {
    return Heartbeats.judge(Heartbeats.parse(text()));
  }

  /** Says whether a witness in the guest found something wrong. */
  boolean mismatch() {
    return Pattern.compile("MISMATCH|mismatches=[1-9]").matcher(text()).find();
  }
}
