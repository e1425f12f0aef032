package dev.godwit.platform;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A set of interrupt vectors 0–255 as IRR, ISR and TMR keep it. Confined by its local APIC's lock.
 */
final class VectorSet {
  /** 32-bit words, vector 0 in bit 0 of word 0. */
  static final int WORDS = 8;

  private final int[] words = new int[WORDS];

  /** Adds a vector. */
  void add(int vector) {
    words[vector >>> 5] |= 1 << (vector & 31);
  }

  /** Removes a vector. */
  void remove(int vector) {
    words[vector >>> 5] &= ~(1 << (vector & 31));
  }

  /** Says whether the vector is in the set. */
  boolean has(int vector) {
    return (words[vector >>> 5] >>> (vector & 31) & 1) != 0;
  }

  /** Returns the highest vector in the set, or -1. */
  int highest() {
    for (int i = WORDS - 1; i >= 0; i--) {
      if (words[i] != 0) {
        return i * 32 + 31 - Integer.numberOfLeadingZeros(words[i]);
      }
    }
    return -1;
  }

  /** Returns a word. */
  int word(int index) {
    return words[index];
  }

  /** Returns all words. */
  List<Integer> words() {
    List<Integer> list = new ArrayList<>(WORDS);
    for (int word : words) {
      list.add(word);
    }
    return list;
  }

  /** Replaces the set. */
  void set(List<Integer> list) {
    for (int i = 0; i < WORDS; i++) {
      words[i] = list.get(i);
    }
  }

  /** Empties the set. */
  void clear() {
    Arrays.fill(words, 0);
  }
}
