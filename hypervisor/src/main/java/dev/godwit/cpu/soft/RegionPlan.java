package dev.godwit.cpu.soft;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which blocks a region is made of, and a copy of what they consist of, for another thread to
 * translate.
 *
 * @param head where it is entered
 * @param parts its blocks in an order in which as few edges as possible lead back; the head first
 * @param tlb the TLB of the blocks' privilege
 * @param shared whether other vCPUs share the memory, so that the order of loads matters
 */
record RegionPlan(Block head, List<Part> parts, long[] tlb, boolean shared) {
  private static final int MOST_BLOCKS = 64;
  private static final int MOST_INSNS = 400;

  /** A block is left out if it ran less often than the head by more than this factor. */
  private static final int COLDEST = 64;

  /**
   * A block.
   *
   * @param code its instructions as they were when it was alive
   * @param followers RIPs of the blocks in the region that may come next
   */
  record Part(Block block, Insn[] code, List<Long> followers) {}

  /** Finds a block without side effects; vCPU's thread. */
  interface Finder {
    @Nullable Block at(long rip);
  }

  /**
   * Plans the region that starts with a block; vCPU's thread.
   *
   * @param all whether blocks that were never executed belong to it too
   */
  static RegionPlan of(Block head, SoftCpu c, boolean all, Finder finder) {
    Map<Block, List<Block>> next = new HashMap<>();
    ArrayDeque<Block> queue = new ArrayDeque<>(List.of(head));
    Set<Block> chosen = new HashSet<>(List.of(head));
    int insns = head.code.length;
    while (!queue.isEmpty()) {
      Block block = queue.poll();
      List<Block> followers = new ArrayList<>();
      for (Block follower : followersOf(block, finder)) {
        boolean planned = follower.heat < 0; // it was hot: see Translator
        boolean hot = all || planned || (long) follower.heat * COLDEST >= head.heat;
        if (chosen.contains(follower)) {
          followers.add(follower);
        } else if (hot
            && chosen.size() < MOST_BLOCKS
            && insns + follower.code.length <= MOST_INSNS) {
          chosen.add(follower);
          insns += follower.code.length;
          queue.add(follower);
          followers.add(follower);
        }
      }
      next.put(block, followers);
    }
    List<Block> order = new ArrayList<>();
    visit(head, next, new HashSet<>(), order);
    Collections.reverse(order);
    List<Part> parts = new ArrayList<>();
    for (Block block : order) {
      List<Long> rips = new ArrayList<>();
      for (Block follower : next.getOrDefault(block, List.of())) {
        rips.add(follower.rip);
      }
      parts.add(new Part(block, block.code.clone(), rips));
    }
    return new RegionPlan(head, parts, c.tlb, c.ports.vcpus() > 1);
  }

  /** Returns the plan of a part of the region: its first blocks. */
  RegionPlan first(int blocks) {
    return new RegionPlan(head, List.copyOf(parts.subList(0, blocks)), tlb, shared);
  }

  /** Adds the blocks reached from one, each after all that follow it. */
  private static void visit(
      Block block, Map<Block, List<Block>> next, Set<Block> seen, List<Block> order) {
    if (seen.add(block)) {
      for (Block follower : next.getOrDefault(block, List.of())) {
        visit(follower, next, seen, order);
      }
      order.add(block);
    }
  }

  private static List<Block> followersOf(Block block, Finder finder) {
    Insn last = block.code[block.code.length - 1];
    List<Block> found = new ArrayList<>();
    if (last instanceof BranchNodes.Indirect) {
      for (Block follower : block.followers()) {
        if (follower.epoch == block.epoch && !found.contains(follower)) {
          found.add(follower);
        }
      }
      return found;
    }
    for (long rip : staticFollowers(block, last)) {
      Block follower = linked(block, rip);
      if (follower == null) {
        follower = finder.at(rip);
      }
      if (follower != null) {
        found.add(follower);
      }
    }
    return found;
  }

  private static @Nullable Block linked(Block block, long rip) {
    for (Block follower : block.followers()) {
      if (follower.rip == rip && follower.epoch == block.epoch) {
        return follower;
      }
    }
    return null;
  }

  private static long[] staticFollowers(Block block, Insn last) {
    return switch (last) {
      case BranchNodes.Conditional jump -> new long[] {jump.nextRip, jump.target};
      case BranchNodes.Jmp jump -> new long[] {jump.target};
      case BranchNodes.Call call -> new long[] {call.target};
      default -> block.falls ? new long[] {block.endRip} : new long[0];
    };
  }
}
