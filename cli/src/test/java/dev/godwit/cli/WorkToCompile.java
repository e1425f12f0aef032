package dev.godwit.cli;

import dev.godwit.memory.PageSet;

/** A program that has hot methods of two kinds, as {@link CompilerDirectivesTest} wants them. */
final class WorkToCompile {
  private WorkToCompile() {}

  private static long sum(PageSet pages, long size) {
    long sum = 0;
    for (long page = pages.next(0, size); page >= 0; page = pages.next(page + 1, size)) {
      sum += page;
    }
    return sum;
  }

  public static void main(String[] args) {
    long size = 4096;
    PageSet pages = new PageSet(size);
    for (long page = 0; page < size; page += 3) {
      pages.addRange(page, 1);
    }
    long sum = 0;
    for (int i = 0; i < 2000; i++) {
      sum += sum(pages, size);
    }
    System.out.println(sum);
  }
}
