package dev.godwit.memory;

import org.jspecify.annotations.Nullable;

/**
 * Which pages were written since a moment that has a name, such as a snapshot's, however often
 * marks are harvested meanwhile and by whom: each harvest is entered here, too. Costs nothing until
 * there is such a moment. Thread-safe.
 *
 * <p>A new moment is {@link #turn begun} while the machine stands and all its marks have been
 * harvested, and {@link #keep kept} or {@link #drop dropped} later, when it is known whether what
 * was to be named after it exists. Until then both are followed.
 */
public final class ChangeLog {
  private final long framePages;
  private @Nullable String moment;
  private @Nullable PageSet since;
  private @Nullable PageSet sinceTurn;

  ChangeLog(long framePages) {
    this.framePages = framePages;
  }

  /** Enters a harvest. */
  synchronized void harvested(PageSet found) {
    if (sinceTurn != null) {
      sinceTurn.addAll(found);
    } else if (since != null) {
      since.addAll(found);
    }
  }

  /** Says whether anybody will ask. */
  synchronized boolean follows() {
    return since != null || sinceTurn != null;
  }

  /** Says whether it is known what was written since a moment. */
  public synchronized boolean knows(String name) {
    return name.equals(moment);
  }

  /**
   * Returns the pages that were written since a moment and harvested; null if that is not known.
   */
  public synchronized @Nullable PageSet since(String name) {
    if (!name.equals(moment) || since == null) {
      return null;
    }
    PageSet pages = new PageSet(framePages);
    pages.addAll(since);
    return pages;
  }

  /** Begins a new moment, now; the machine stands, and nothing is marked. */
  public synchronized void turn() {
    drop();
    sinceTurn = new PageSet(framePages);
  }

  /** The moment that was begun last has a name now; what was followed before is forgotten. */
  public synchronized void keep(String name) {
    if (sinceTurn != null) {
      moment = name;
      since = sinceTurn;
      sinceTurn = null;
    }
  }

  /** The moment that was begun last is none: what was followed before goes on. */
  public synchronized void drop() {
    if (since != null && sinceTurn != null) {
      since.addAll(sinceTurn);
    }
    sinceTurn = null;
  }
}
