package dev.godwit.source;

import dev.godwit.memory.PageSet;

/**
 * Which pages are held back to the end, since the guest dirties them in nearly every round: sent
 * meanwhile they would only be sent again. Pure: what was dirtied in each round in, a set out. Not
 * thread-safe.
 *
 * <p>A page's heat is how many rounds in a row it was dirtied in, halved by each round in which it
 * was not. Held are all pages of a certain heat and hotter: the least heat that still is one and
 * whose pages fit the part of the pause that they may fill. If not even the hottest fit, none are
 * held: they have to be sent again and again until the guest is slower.
 */
final class HotPages {
  /** Dirtied in two rounds one after the other: a page is lukewarm before. */
  private static final int LEAST_HEAT = 2;

  private static final int MOST_HEAT = 15;

  private final byte[] heat;

  /**
   * @param framePages how many gfns there are
   */
  HotPages(long framePages) {
    heat = new byte[Math.toIntExact(framePages)];
  }

  /**
   * Takes note of a round.
   *
   * @param dirtied what the guest dirtied during it
   */
  void roundEnded(PageSet dirtied) {
    long end = heat.length;
    long gfn = 0;
    while (gfn < end) {
      long firstDirty = dirtied.next(gfn, end);
      long cold = firstDirty < 0 ? end : firstDirty;
      for (; gfn < cold; gfn++) {
        heat[(int) gfn] >>= 1;
      }
      long warm = gfn < end ? dirtied.nextAbsent(gfn, end) : end;
      for (; gfn < warm; gfn++) {
        heat[(int) gfn] = (byte) Math.min(MOST_HEAT, heat[(int) gfn] + 1);
      }
    }
  }

  /**
   * Returns which pages are held back, none or some of those that are waiting to be sent.
   *
   * @param waiting pages that the sink lacks
   * @param budgetPages how many pages the pause has time for
   */
  PageSet held(PageSet waiting, long budgetPages) {
    PageSet held = new PageSet(waiting.capacityPages());
    // The other half is for what the guest dirties while the last round before the pause is sent.
    long most = budgetPages / 2;
    long[] ofHeat = new long[MOST_HEAT + 1];
    waiting.forEachRun(
        (first, count) -> {
          for (long gfn = first; gfn < first + count; gfn++) {
            ofHeat[heat[(int) gfn]]++;
          }
        });
    int least = MOST_HEAT + 1;
    long pages = 0;
    while (least > LEAST_HEAT && pages + ofHeat[least - 1] <= most) {
      least--;
      pages += ofHeat[least];
    }
    if (pages > 0) {
      int coldest = least;
      waiting.forEachRun(
          (first, count) -> {
            for (long gfn = first; gfn < first + count; gfn++) {
              if (heat[(int) gfn] >= coldest) {
                held.add(gfn);
              }
            }
          });
    }
    return held;
  }
}
