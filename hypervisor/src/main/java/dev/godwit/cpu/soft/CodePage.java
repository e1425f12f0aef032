package dev.godwit.cpu.soft;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The decoded blocks of one page of RAM and which parts of the page they cover. */
final class CodePage {
  private static final int BUCKETS = 64;

  final long gfn;
  private final @Nullable Block[] buckets = new @Nullable Block[BUCKETS];
  private final List<Block> crossingIn = new ArrayList<>(0);

  /** Bit i: bytes 64i…64i+63 hold code. */
  private long covered;

  int blocks;
  int insns;

  CodePage(long gfn) {
    this.gfn = gfn;
  }

  private static int bucket(long gpa) {
    return (int) (gpa ^ gpa >>> 6) & BUCKETS - 1;
  }

  /** Returns the live block at a gpa in this page for that RIP and mode. */
  @Nullable Block find(long rip, int mode, long gpa) {
    for (Block block = buckets[bucket(gpa)]; block != null; block = block.nextInPage) {
      if (block.rip == rip && block.mode == mode && block.gpa == gpa && !block.dead()) {
        return block;
      }
    }
    return null;
  }

  /** Adds a block that starts in this page. */
  void add(Block block) {
    int at = bucket(block.gpa);
    block.nextInPage = buckets[at];
    buckets[at] = block;
    blocks++;
    insns += block.code.length;
    int first = (int) block.gpa & 0xFFF;
    cover(first, Math.min(first + block.bytes, 4096));
  }

  /** Adds a block whose one instruction ends in this page. */
  void addCrossingIn(Block block) {
    crossingIn.add(block);
    cover(0, Math.max(1, ((int) block.gpa & 0xFFF) + block.bytes - 4096));
  }

  private void cover(int first, int end) {
    for (int chunk = first >>> 6; chunk <= end - 1 >>> 6; chunk++) {
      covered |= 1L << chunk;
    }
  }

  /** Says whether a store may touch decoded bytes. */
  boolean covers(int offset, int bytes) {
    long touched = -1L << (offset >>> 6) & -1L >>> 63 - (offset + bytes - 1 >>> 6);
    return (covered & touched) != 0;
  }

  /** Shows every block that starts in this page. */
  void forEach(Consumer<Block> look) {
    for (Block head : buckets) {
      for (Block block = head; block != null; block = block.nextInPage) {
        look.accept(block);
      }
    }
  }

  /** Kills every block. */
  void kill() {
    for (Block head : buckets) {
      for (Block block = head; block != null; block = block.nextInPage) {
        block.kill();
      }
    }
    crossingIn.forEach(Block::kill);
    Arrays.fill(buckets, null);
  }
}
