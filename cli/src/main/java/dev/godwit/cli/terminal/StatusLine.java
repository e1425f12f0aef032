package dev.godwit.cli.terminal;

import java.io.PrintStream;

/**
 * One line that says how far something is: overwritten in place on a terminal, a new line each time
 * elsewhere. Thread-safe.
 */
public final class StatusLine {
  private static final String CLEAR_LINE = "\r\033[K";

  private final PrintStream out;
  private final boolean inPlace;
  private boolean shown;

  /**
   * @param inPlace whether {@code out} is a terminal
   */
  public StatusLine(PrintStream out, boolean inPlace) {
    this.out = out;
    this.inPlace = inPlace;
  }

  /** Shows a line in place of the last one. */
  public synchronized void show(String text) {
    if (inPlace) {
      out.print(CLEAR_LINE + text);
      out.flush();
      shown = true;
    } else {
      out.println(text);
    }
  }

  /** Takes the line away, so that something else can be printed. */
  public synchronized void clear() {
    if (shown) {
      out.print(CLEAR_LINE);
      out.flush();
      shown = false;
    }
  }

  /** Says whether the line is overwritten in place. */
  public boolean inPlace() {
    return inPlace;
  }
}
