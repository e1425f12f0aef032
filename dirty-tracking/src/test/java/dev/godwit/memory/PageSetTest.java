package dev.godwit.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PageSetTest {
  @Test
  void visitsMaximalRunsInAscendingOrder() {
    PageSet set = new PageSet(300);
    set.addRange(3, 2);
    set.addRange(62, 70);
    set.add(299);
    List<String> runs = new ArrayList<>();
    set.forEachRun((first, count) -> runs.add(first + "+" + count));
    assertEquals(List.of("3+2", "62+70", "299+1"), runs);
  }

  @Test
  void behavesAsABitSetDoes() {
    Random random = new Random(7);
    PageSet set = new PageSet(1000);
    BitSet model = new BitSet();
    for (int i = 0; i < 5000; i++) {
      int gfn = random.nextInt(1000);
      if (random.nextInt(3) == 0) {
        set.remove(gfn);
        model.clear(gfn);
      } else {
        set.add(gfn);
        model.set(gfn);
      }
      int from = random.nextInt(1000);
      assertEquals(model.nextSetBit(from), set.next(from));
      assertEquals(Math.min(1000, model.nextClearBit(from)), set.nextAbsent(from));
      int end = from + random.nextInt(300);
      int next = model.nextSetBit(from);
      assertEquals(next < Math.min(end, 1000) ? next : -1, set.next(from, end));
      int bound = Math.min(end, 1000);
      assertEquals(Math.min(bound, model.nextClearBit(from)), set.nextAbsent(from, end));
    }
    assertEquals(model.cardinality(), set.count());
  }

  @Test
  void saysWhatFollowsItsFirstPages() {
    PageSet set = new PageSet(300);
    set.addRange(3, 2);
    set.addRange(62, 70);
    assertEquals(3, set.after(0));
    assertEquals(4, set.after(1));
    assertEquals(62, set.after(2));
    assertEquals(64, set.after(4));
    assertEquals(131, set.after(71));
    assertEquals(300, set.after(72));
    assertEquals(300, set.after(1000));
  }

  @Test
  void itsPartsAreDisjointAndMakeUpTheWhole() {
    PageSet set = new PageSet(5000);
    Random random = new Random(3);
    for (int i = 0; i < 2000; i++) {
      set.add(random.nextInt(5000));
    }
    PageSet whole = new PageSet(5000);
    long pages = 0;
    for (int part = 0; part < 3; part++) {
      PageSet some = set.part(part, 3);
      pages += some.count();
      whole.addAll(some);
    }
    assertEquals(set.count(), pages);
    whole.removeAll(set);
    assertTrue(whole.isEmpty());
  }

  @Test
  void wholeSetsBehaveAsBitSetsDo() {
    int pages = 20_000;
    Random random = new Random(11);
    PageSet set = new PageSet(pages);
    BitSet model = new BitSet();
    for (int i = 0; i < 300; i++) {
      PageSet other = new PageSet(pages);
      BitSet otherModel = new BitSet();
      for (int range = random.nextInt(4); range > 0; range--) {
        int first = random.nextInt(pages);
        int count = random.nextInt(Math.min(pages - first, random.nextBoolean() ? 3 : 9000) + 1);
        other.addRange(first, count);
        otherModel.set(first, first + count);
      }
      switch (random.nextInt(8)) {
        case 0 -> {
          set.clear();
          model.clear();
        }
        case 1, 2, 3 -> {
          set.removeAll(other);
          model.andNot(otherModel);
        }
        default -> {
          set.addAll(other);
          model.or(otherModel);
        }
      }
      assertEquals(model.cardinality(), set.count());
      assertEquals(model.isEmpty(), set.isEmpty());
      List<String> expected = new ArrayList<>();
      for (int at = model.nextSetBit(0); at >= 0; ) {
        int end = model.nextClearBit(at);
        expected.add(at + "+" + (end - at));
        at = model.nextSetBit(end);
      }
      List<String> runs = new ArrayList<>();
      set.forEachRun((first, count) -> runs.add(first + "+" + count));
      assertEquals(expected, runs);
    }
  }

  @Test
  void refusesPagesOutsideItsRange() {
    PageSet set = new PageSet(64);
    assertThrows(IndexOutOfBoundsException.class, () -> set.add(64));
    assertThrows(IndexOutOfBoundsException.class, () -> set.contains(-1));
    assertThrows(IllegalArgumentException.class, () -> set.addAll(new PageSet(65)));
  }

  @Test
  void subtractsWhatAnotherSetHolds() {
    PageSet set = new PageSet(128);
    set.addRange(0, 128);
    PageSet other = new PageSet(128);
    other.addRange(10, 100);
    set.removeAll(other);
    assertEquals(28, set.count());
    assertFalse(set.contains(10));
    assertTrue(set.contains(110));
    set.clear();
    assertTrue(set.isEmpty());
  }
}
