package dev.godwit.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.godwit.memory.PageSet;
import org.junit.jupiter.api.Test;

class HotPagesTest {
  private static final int PAGES = 1000;

  private final HotPages hot = new HotPages(PAGES);
  private final PageSet waiting = range(0, PAGES);

  private static PageSet range(long first, long count) {
    PageSet pages = new PageSet(PAGES);
    pages.addRange(first, count);
    return pages;
  }

  private long held(long budget) {
    return hot.held(waiting, budget).count();
  }

  @Test
  void holdsBackWhatIsDirtiedInRoundAfterRound() {
    hot.roundEnded(range(100, 10));
    assertEquals(0, held(1000), "once is not hot");
    hot.roundEnded(range(105, 10));
    PageSet held = hot.held(waiting, 1000);
    assertEquals(5, held.count());
    assertEquals(105, held.next(0));
  }

  @Test
  void holdsNothingThatIsNotWaiting() {
    hot.roundEnded(range(0, 20));
    hot.roundEnded(range(0, 20));
    assertEquals(5, hot.held(range(15, 100), 1000).count());
  }

  @Test
  void letsGoOfWhatHasBecomeCold() {
    for (int i = 0; i < 100; i++) {
      hot.roundEnded(range(0, 20));
    }
    assertEquals(20, held(1000));
    for (int i = 0; i < 3; i++) {
      hot.roundEnded(range(500, 1));
    }
    assertEquals(1, held(1000), "20 pages are cold again, and one is hot");
  }

  @Test
  void holdsTheHottestIfNotAllOfThemFit() {
    hot.roundEnded(range(0, 10));
    hot.roundEnded(range(0, 10));
    hot.roundEnded(range(0, 200));
    hot.roundEnded(range(0, 200));
    assertEquals(200, held(400));
    assertEquals(10, held(399), "half of the pause is for hot pages");
    assertEquals(10, held(20));
    assertEquals(0, held(19));
    assertEquals(0, held(0));
  }

  @Test
  void agesAllPagesUpToTheLast() {
    hot.roundEnded(range(PAGES - 1, 1));
    hot.roundEnded(range(PAGES - 1, 1));
    assertTrue(hot.held(waiting, 2).contains(PAGES - 1));
    hot.roundEnded(new PageSet(PAGES));
    assertEquals(0, held(1000));
  }
}
